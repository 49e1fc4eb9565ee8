"""The health check: every minute, one look at each channel of every route, from traffic where there is some, else by a probe.

The two wallets' channels are checked apart: what goes wrong on one side leaves the other side's health as true as it was.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from anyio import CapacityLimiter, create_task_group, to_thread

from tokens_forge.catalog import Catalog, CatalogReader, Model
from tokens_forge.channels import Channel
from tokens_forge.clock import Clock
from tokens_forge.health import ChannelModel, Health, HealthStore, Sample, is_idle, next_health, observe
from tokens_forge.observing import read_traffic
from tokens_forge.probes import Prober
from tokens_forge.store.port import LedgerStore
from tokens_forge.wallets import WalletKind

PROBES_AT_ONCE = 8
NEVER = Health()
Samples = dict[ChannelModel, list[Sample]]

log = logging.getLogger("tokens_forge.health_check")


@dataclass(slots=True)
class HealthReport:
    """What one run did. `checked` are the wallets whose channels were all looked at."""

    checked: list[WalletKind] = field(default_factory=list)
    looks: int = 0
    probes: int = 0
    paid_probes: int = 0
    changes: int = 0


class HealthCheck:
    """Runs on an event loop; whatever blocks goes to a worker thread."""

    def __init__(
        self, ledger: LedgerStore, catalogs: CatalogReader, prober: Prober, store: HealthStore, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._catalogs = catalogs
        self._prober = prober
        self._store = store
        self._clock = clock

    async def run(self) -> HealthReport:
        """Look once at everything that can serve a request."""
        report = HealthReport()
        traffic = await to_thread.run_sync(read_traffic, self._ledger, self._clock)
        for kind in WalletKind:
            try:
                if await self._check(kind, traffic[kind], report):
                    report.checked.append(kind)
            except Exception:
                log.exception("the health check of one wallet's channels failed", extra={"wallet": kind.value})
        return report

    async def _check(self, kind: WalletKind, traffic: Samples, report: HealthReport) -> bool:
        """Look at the channels of one wallet's class; whether all of it was done."""
        catalog = await to_thread.run_sync(self._catalogs.read_catalog, kind)
        known = await to_thread.run_sync(self._store.read_health, kind)
        limiter, failed = CapacityLimiter(PROBES_AT_ONCE), []

        async def one(channel: Channel, models: list[Model]) -> None:
            try:
                async with limiter:
                    looks = await self._look(channel, models, traffic, report)
                for model_id, (seen, probe) in looks.items():
                    subject = channel.channel_id, model_id
                    await self._keep(kind, subject, known.get(subject, NEVER), seen, probe, report)
            except Exception:
                failed.append(channel.channel_id)
                log.exception("the health check of a channel failed", extra={"channel": channel.channel_id})

        async with create_task_group() as tasks:
            for channel, models in _watched(catalog):
                tasks.start_soon(one, channel, models)
        return not failed

    async def _keep(
        self,
        kind: WalletKind,
        subject: ChannelModel,
        before: Health,
        seen: list[Sample],
        probe: Sample | None,
        report: HealthReport,
    ) -> None:
        now_ms = self._clock.now_ms()
        after = next_health(before, observe(seen, probe, now_ms), now_ms)
        report.looks += 1
        if after.state is not before.state:
            report.changes += 1
            about = {"wallet": kind.value, "channel": subject[0], "model": subject[1]}
            log.warning("health: %s, was %s", after.state.value, before.state.value, extra=about)
        if after != before:
            await to_thread.run_sync(self._store.write_health, kind, subject, after)

    async def _look(
        self, channel: Channel, models: list[Model], traffic: Samples, report: HealthReport
    ) -> dict[str, tuple[list[Sample], Sample | None]]:
        """For each model of a channel its requests, and a probe where there were none lately.

        One free probe answers for all idle models of the channel; a paid one is only sent when the free one worked, and it
        counts for more than older requests, because it is a request itself.
        """
        now_ms = self._clock.now_ms()
        looks: dict[str, tuple[list[Sample], Sample | None]] = {
            model.model_id: (traffic.get((channel.channel_id, model.model_id), []), None) for model in models
        }
        idle = [model for model in models if is_idle(looks[model.model_id][0], now_ms)]
        free = await self._prober.free(channel) if idle else None
        report.probes += bool(idle)
        for model in idle:
            looks[model.model_id] = (looks[model.model_id][0], free)
            wants_paid = channel.paid_probe is not None and channel.paid_probe.model_id == model.model_id
            if wants_paid and (free is None or free.worked):
                paid = await self._prober.paid(channel, model)
                report.paid_probes += paid is not None
                if paid is not None:
                    looks[model.model_id] = ([], paid)
        return looks


def _watched(catalog: Catalog) -> Iterable[tuple[Channel, list[Model]]]:
    """Every channel that is on the route of an enabled model, with those models."""
    found: dict[str, tuple[Channel, list[Model]]] = {}
    for model in catalog.models.values():
        for channel in catalog.route_channels(model.model_id) if model.enabled else ():
            found.setdefault(channel.channel_id, (channel, []))[1].append(model)
    return found.values()
