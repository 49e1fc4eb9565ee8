"""A channel's list of models, asked for over the same upstream port and by the same rules as any call: it costs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anyio import to_thread

from tokens_forge.channels import Channel, ChannelKind, require_safe_url
from tokens_forge.credentials import CredentialMissing, Credentials
from tokens_forge.endpoints import ANTHROPIC
from tokens_forge.providers.counting import object_of
from tokens_forge.providers.port import Upstream, UpstreamCall
from tokens_forge.providers.wires import CREDENTIAL_HEADERS

ASK_S = 5.0
MODELS_BYTES_MAX = 8 * 1024 * 1024

# A provider without a list of models: that says nothing about how it answers requests.
_SAYS_NOTHING = frozenset({404, 405, 501})


@dataclass(frozen=True, slots=True)
class ModelList:
    """What came of asking. `outcome` is a short word for how it went, None when it says nothing about the channel."""

    outcome: str | None
    listed: dict[str, Any] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The models in it, by the upstream's names."""
        data = self.listed.get("data") if self.listed is not None else None
        models = data if isinstance(data, list) else []
        return frozenset(
            model["id"] for model in models if isinstance(model, dict) and isinstance(model.get("id"), str)
        )


class ModelLists:
    """Asks channels."""

    def __init__(self, upstream: Upstream, credentials: Credentials, *, loopback_allowed: bool) -> None:
        self._upstream = upstream
        self._credentials = credentials
        self._loopback_allowed = loopback_allowed

    async def ask(self, channel: Channel, *, whole: bool = False) -> ModelList:
        """The list, or its beginning, which is enough to see that the channel works. Raises UpstreamFailure; the caller limits
        the time."""
        headers_of = CREDENTIAL_HEADERS.get(channel.protocol)
        if headers_of is None:
            return ModelList(None)
        name = credential_of(channel)
        if name is None:
            return ModelList("no_member")
        try:
            require_safe_url(channel.base_url, loopback_allowed=self._loopback_allowed)
            credential = self._credentials.fresh(name)
            if credential is None:
                credential = await to_thread.run_sync(self._credentials.read, name)
        except ValueError:
            return ModelList("unsafe_url")
        except CredentialMissing:
            return ModelList("no_credential")
        # Anthropic lists twenty at a time, unless told otherwise; its most is a thousand.
        query = "?limit=1000" if whole and channel.protocol == ANTHROPIC else ""
        url = channel.base_url.rstrip("/") + "/models" + query
        answer = await self._upstream.send(UpstreamCall(url, headers_of(credential), silence_s=ASK_S))
        try:
            if answer.status == 200:
                return ModelList("ok", object_of(await answer.read(MODELS_BYTES_MAX)))
        finally:
            await answer.close()
        if answer.status == 401:
            self._credentials.forget(name)  # it may have been changed: the next time it is read again
        return ModelList(None if answer.status in _SAYS_NOTHING else f"http_{answer.status}")


def credential_of(channel: Channel) -> str | None:
    """The name of the secret: of a pool, its first member's that is not disabled; None when there is none."""
    if channel.kind is not ChannelKind.POOL:
        return channel.credential
    return next((member.credential for member in channel.members if member.enabled), None)
