"""Claims: who runs a request that may be sent again, and the answer it got."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tokens_forge.errors import RequestError

SDK_CLAIM_KEPT_S = 15 * 60
KEYED_CLAIM_KEPT_S = 24 * 3600
IDEMPOTENCY_KEY_LETTERS_MAX = 255


@dataclass(frozen=True, slots=True)
class RetryMarks:
    """What a request says of being a retry. `request_sha256` covers endpoint, passed-on headers and body, byte for byte."""

    request_sha256: str
    idempotency_key: str | None
    retry_count: int

    @property
    def name(self) -> str:
        """The claim's name. It is looked up under the API key and compared with the body: a caller's key never stands alone."""
        if self.idempotency_key is None:
            return f"body#{self.request_sha256}"
        return f"key#{hashlib.sha256(self.idempotency_key.encode()).hexdigest()}"

    @property
    def kept_s(self) -> int:
        """How long the answer is kept for a retry."""
        return SDK_CLAIM_KEPT_S if self.idempotency_key is None else KEYED_CLAIM_KEPT_S


def marks_of(
    endpoint: str, headers: Mapping[str, str], body: bytes, passed_headers: Mapping[str, str]
) -> RetryMarks | None:
    """The marks of a request; None when it says nothing of retries, and so is never taken for one. Raises RequestError.

    `passed_headers` go on to the provider: the same body under another version of the protocol is another request.
    """
    idempotency_key = headers.get("idempotency-key")
    count = headers.get("x-stainless-retry-count")
    if idempotency_key is None and count is None:
        return None
    if idempotency_key is not None and not 0 < len(idempotency_key) <= IDEMPOTENCY_KEY_LETTERS_MAX:
        raise RequestError(
            f"An Idempotency-Key has 1 to {IDEMPOTENCY_KEY_LETTERS_MAX} characters.", param="Idempotency-Key"
        )
    retry_count = int(count) if count and count.isascii() and count.isdigit() and len(count) < 4 else 0
    head = "\n".join([endpoint, *(f"{name}: {value}" for name, value in sorted(passed_headers.items()))])
    digest = hashlib.sha256(head.encode() + b"\0" + body).hexdigest()
    return RetryMarks(digest, idempotency_key, retry_count)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as the client got it: its headers of ours, its media type, its bytes."""

    headers: Mapping[str, str]
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that somebody runs until `leased_until_ms`, or whose answer is kept. `retry_count` is the runner's own.

    `instead_of` names an earlier run of the same request that was charged while its answer got lost.
    """

    key_id: str
    name: str
    request_sha256: str
    request_id: str
    retry_count: int
    leased_until_ms: int
    expires_at_s: int
    instead_of: str | None = None
    is_answered: bool = False


class ClaimStore(Protocol):
    """Where claims are kept. All of it blocks, and raises StoreFault."""

    def read(self, key_id: str, name: str) -> Claim | None:
        """A consistent read."""
        ...

    def place(self, claim: Claim, *, replaces: tuple[str, ...], now_ms: int) -> Claim | None:
        """Be the one who runs the request. None when the claim stands now; else the claim that stands in the way.

        Condition: there is no claim, or it is of one of the runs in `replaces`, or it has expired. An SDK's first sending may also
        replace the claim of another first sending: both are requests in their own right.
        """
        ...

    def keep(self, claim: Claim, answer: KeptAnswer) -> None:
        """Keep the answer of a run, if its claim still stands."""
        ...

    def answer(self, claim: Claim) -> KeptAnswer | None:
        """The kept answer; None when it is lost."""
        ...

    def drop(self, claim: Claim) -> None:
        """Forget a run that charged nothing, if its claim still stands: a retry runs again."""
        ...

    def end_lease(self, claim: Claim) -> None:
        """Let a retry take a run over at once, if its claim still stands."""
        ...


class Superseded(Exception):
    """Another sending of this request runs already, or has its answer."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(claim.request_id)
        self.claim = claim
