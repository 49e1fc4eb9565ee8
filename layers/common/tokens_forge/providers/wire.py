"""A wire: how the requests of one endpoint travel over one channel protocol, and how the answers come back.

An endpoint has a wire for each channel protocol that can serve it. A wire whose protocol is not the endpoint's own translates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tokens_forge.channels import Channel
from tokens_forge.endpoints import Endpoint
from tokens_forge.errors import ForgeError
from tokens_forge.pricing import Usage
from tokens_forge.quotes import Quote


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer that is not streamed. `body` is the client's; `usage` None means missing, or that it cannot be true.

    `show_usage` writes what the receipt counts in the endpoint's own words, for a body whose provider reported nothing.
    """

    body: dict[str, Any]
    usage: Usage | None
    output_bytes: int
    show_usage: Callable[[Usage], dict[str, Any]]


class Wire(Protocol):
    """Stateless: one serves all requests."""

    def path(self, quoted: Quote, channel: Channel) -> str:
        """Where to post, after the channel's base URL."""
        ...

    def headers(self, credential: str, quoted: Quote) -> dict[str, str]:
        """The headers that carry the credential, and the protocol's own."""
        ...

    def body(self, quoted: Quote, channel: Channel) -> bytes:
        """What is sent: the upstream's model name, the output limit that was held for, usage asked for.

        Raises RequestError for what the channel's protocol has no words for.
        """
        ...

    def whole(self, body: bytes, quoted: Quote, now_s: int) -> WholeAnswer:
        """Read a whole answer. Raises UpstreamFailure: `garbage`, or `failed` when it is the provider's report of a failure."""
        ...

    def reader(self, quoted: Quote, request_id: str, now_s: int) -> StreamReader:
        """A new reader for one stream."""
        ...


Wires = Mapping[tuple[Endpoint, str], Wire]  # by endpoint and channel protocol


class StreamReader(Protocol):
    """Reads one stream: meters it, and turns each of its events into what the client gets."""

    @property
    def usage(self) -> Usage | None:
        """The last usage that was reported and can be true."""
        ...

    @property
    def output_bytes(self) -> int:
        """UTF-8 bytes of output so far."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the provider said of every choice that it is complete."""
        ...

    def take(self, payload: bytes) -> bytes | None:
        """What the client gets for the data of one event: whole events, or nothing. None after the end mark.

        Raises UpstreamFailure: `garbage` for what cannot be read, `error_event` when the provider reports its own failure.
        """
        ...

    def closing(self, receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        """The client's last events after a finished stream. `charged` is what the receipt counts, None while it is pending."""
        ...

    def broken(self, error: ForgeError, receipt: Mapping[str, Any], charged: Usage | None) -> bytes:
        """The client's last event after a stream that broke."""
        ...
