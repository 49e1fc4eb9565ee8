"""Every error a client can meet, as one tree.

ForgeError                  class, status, code
├── RequestError            request             400  the caller must change the request
│   └── BodyTooLarge                            413
├── InvalidKey              key_permission      401
│   ├── ModelNotAllowed                         403
│   └── KeySpendLimit                           402  the key's own limit, not the wallet
├── ModelNotFound           model_availability  404
│   ├── EndpointNotServed                       404  the model is sold, but on other endpoints
│   └── NoPrice             pricing             404  no price, no offer
├── EstimateExceeded        pricing             409  a run was promised a lower price; nothing was sent
├── NotFound                request             404  receipts, paths
├── BalanceError            balance
│   ├── InsufficientBalance                     402  official SDKs never retry it
│   ├── RunSpent                                402  a run's own hold, not the wallet
│   ├── WalletFrozen                            403
│   └── TooManyHolds                            429
├── RateLimited             rate_limit          429  the key's own limits
├── NoRoute                 routing             503
├── NoHealthyRoute          provider_health     503
│   └── StreamBroken                            ---  the last event of a stream that broke: its status was sent before
├── Conflict                request             409  somebody else changed it meanwhile
│   └── VersionMismatch                         412  If-Match names another version than the present one
├── IdempotencyKeyReused    request             422
├── StillRunning            request             409  the same request, under the same Idempotency-Key
├── UpstreamRejected        request             4xx  the provider says that the request itself is wrong
└── GatewayError            gateway             5xx  our own fault
    ├── PaymentProviderSilent                   503  nothing is lost: ask again
    └── PaymentProviderRefused                  502
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from tokens_forge.money import decimal
from tokens_forge.wallets import WalletKind


class ErrorClass(StrEnum):
    """Which part of the product stands in the way. An admin reads this first."""

    PRICING = "pricing"
    BALANCE = "balance"
    ROUTING = "routing"
    PROVIDER_HEALTH = "provider_health"
    KEY_PERMISSION = "key_permission"
    MODEL_AVAILABILITY = "model_availability"
    REQUEST = "request"
    RATE_LIMIT = "rate_limit"
    GATEWAY = "gateway"


class ForgeError(Exception):
    """An answer to the client in OpenAI's error shape. `extras` go into `error.forge`, `headers` into the response.

    `statuses` is for an error that can have several, each of its own.
    """

    error_class = ErrorClass.GATEWAY
    status = 500
    statuses: ClassVar[tuple[int, ...]] = ()
    type = "server_error"
    code: str | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        extras: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.extras = extras or {}
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The JSON body. `code` is a string or null: official clients read it."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
                "forge": {"class": self.error_class.value, **self.extras},
            }
        }


class RequestError(ForgeError):
    """The request itself is wrong; `param` names the field."""

    error_class = ErrorClass.REQUEST
    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class BodyTooLarge(RequestError):
    """More bytes than a Lambda request may carry."""

    status = 413
    code = "request_too_large"


class Conflict(RequestError):
    """The thing was changed by somebody else, or is in a state that does not allow this."""

    status = 409
    code = "conflict"


class VersionMismatch(Conflict):
    """The version that the caller has read is not the present one, which the answer holds."""

    status = 412
    code = "version_mismatch"


class IdempotencyKeyReused(RequestError):
    """An Idempotency-Key that belongs to another request."""

    status = 422
    code = "idempotency_key_reused"


class StillRunning(RequestError):
    """The same request runs already. Official SDKs come back by themselves."""

    status = 409
    code = "still_running"


class NotFound(RequestError):
    """No such path or receipt."""

    status = 404
    code = "not_found"


class MethodNotAllowed(RequestError):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"


class InvalidKey(ForgeError):
    """No key, an unknown one, a wrong secret, a revoked or expired one: from outside they look the same or say so."""

    error_class = ErrorClass.KEY_PERMISSION
    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"


class KeyNotPermitted(InvalidKey):
    """A key of another sort: a management key cannot spend."""

    status = 403
    type = "permission_error"
    code = "key_not_permitted"


class ModelNotAllowed(KeyNotPermitted):
    """The key's list of allowed models does not hold this one."""

    code = "model_not_allowed"


class KeySpendLimit(InvalidKey):
    """The key may not spend this much more, whatever the wallet holds."""

    status = 402
    type = "insufficient_quota"
    code = "insufficient_quota"

    def __init__(
        self,
        *,
        kind: WalletKind,
        currency: str,
        needed_nano: int,
        left_nano: int,
        affordable_output_tokens: int,
    ) -> None:
        super().__init__(
            f"This key's spend limit on the {kind.label} leaves {decimal(left_nano)} {currency}; "
            f"the request may cost up to {decimal(needed_nano)} {currency}.",
            extras=_amounts(kind, currency, needed_nano, left_nano)
            | {
                "limit": "key_spend_limit",
                "affordable_output_tokens": max(affordable_output_tokens, 0),
                "remedy": "Raise the key's spend limit, or ask for fewer tokens.",
            },
        )


class ModelNotFound(ForgeError):
    """This wallet does not offer the model."""

    error_class = ErrorClass.MODEL_AVAILABILITY
    status = 404
    type = "invalid_request_error"
    code = "model_not_found"


class EndpointNotServed(ModelNotFound):
    """This wallet offers the model, but not on the endpoint that was called. The message names those it is offered on."""


class NoPrice(ModelNotFound):
    """The model exists, but has no price in force on this wallet: it is not offered, and never free by accident."""

    error_class = ErrorClass.PRICING


class EstimateExceeded(ForgeError):
    """A step of a run, or the run itself, may cost more by now than its estimate said. Nothing was held or sent."""

    error_class = ErrorClass.PRICING
    status = 409
    type = "invalid_request_error"
    code = "estimate_exceeded"

    def __init__(self, kind: WalletKind, currency: str, needed_nano: int, estimated_nano: int) -> None:
        super().__init__(
            f"This may cost up to {decimal(needed_nano)} {currency} by now; the estimate said {decimal(estimated_nano)}.",
            extras={
                "wallet": kind.value,
                "currency": currency,
                "needed": decimal(needed_nano),
                "estimated": decimal(estimated_nano),
                "remedy": "Ask for a new estimate.",
            },
        )


class BalanceError(ForgeError):
    """The wallet stands in the way."""

    error_class = ErrorClass.BALANCE


class InsufficientBalance(BalanceError):
    """The wallet cannot set the worst case aside."""

    status = 402
    type = "insufficient_quota"
    code = "insufficient_quota"

    def __init__(
        self,
        *,
        kind: WalletKind,
        currency: str,
        needed_nano: int,
        available_nano: int,
        held_nano: int,
        affordable_output_tokens: int,
    ) -> None:
        if affordable_output_tokens > 0:
            remedy = f"Top up the {kind.label}, or ask for at most {affordable_output_tokens} output tokens."
        else:
            remedy = f"Top up the {kind.label}."
        super().__init__(
            f"The {kind.label} has {decimal(available_nano)} {currency} available; "
            f"this request may cost up to {decimal(needed_nano)} {currency}. The other wallet is never used instead.",
            extras=_amounts(kind, currency, needed_nano, available_nano)
            | {
                "held": decimal(held_nano),
                "affordable_output_tokens": max(affordable_output_tokens, 0),
                "remedy": remedy,
            },
        )


class RunSpent(BalanceError):
    """A run's hold was released, or has too little left for this step."""

    status = 402
    type = "insufficient_quota"
    code = "run_hold_spent"


class WalletFrozen(BalanceError):
    """An admin or the reconciliation froze this wallet."""

    status = 403
    type = "permission_error"
    code = "wallet_frozen"


class TooManyHolds(BalanceError):
    """Too many requests of this wallet are under way at once."""

    status = 429
    type = "rate_limit_error"
    code = "in_flight_hold"


class RateLimited(ForgeError):
    """The key's own limit; `limit` names it. Nothing was held or sent."""

    error_class = ErrorClass.RATE_LIMIT
    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, headers: dict[str, str], limit: str) -> None:
        super().__init__(message, headers=headers, extras={"limit": limit})


class NoRoute(ForgeError):
    """No channel is configured that may serve this model on this wallet."""

    error_class = ErrorClass.ROUTING
    status = 503
    code = "no_route"


class NoHealthyRoute(ForgeError):
    """Every channel of the route failed before the first byte. Nothing was charged."""

    error_class = ErrorClass.PROVIDER_HEALTH
    status = 503
    code = "no_healthy_route"


class StreamBroken(NoHealthyRoute):
    """A stream that had begun did not come to its end. It was settled by rule, and is not tried again elsewhere."""

    code = "stream_broken"


class UpstreamRejected(ForgeError):
    """The provider says that the request itself is wrong. Nothing was charged, and no backup would help."""

    error_class = ErrorClass.REQUEST
    statuses = (400, 413, 415, 422)
    type = "invalid_request_error"

    def __init__(self, message: str, *, status: int, code: str | None, param: str | None) -> None:
        super().__init__(message, param=param)
        self.status = status
        self.code = code


class GatewayError(ForgeError):
    """Our own fault. A provider may have been called before it, so that a client must not repeat it by itself."""

    code = "gateway_error"

    def __init__(self, message: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(message, headers={"x-should-retry": "false"} if headers is None else headers)


class StoreUnavailable(GatewayError):
    """The database did not answer in time. Nothing was sent upstream."""

    status = 503
    code = "gateway_busy"


class PaymentProviderSilent(GatewayError):
    """The payment provider did not answer. The order stands, and asking again is harmless."""

    status = 503
    code = "payment_provider_silent"

    def __init__(self, order_id: str, headers: dict[str, str]) -> None:
        super().__init__(
            f"The payment provider did not answer. The order {order_id} stands; ask again with the same Idempotency-Key, or check "
            "the order.",
            headers=headers,
        )
        self.extras = {"order": order_id}


class PaymentProviderRefused(GatewayError):
    """The payment provider refused to do this. Nothing was paid."""

    status = 502
    code = "payment_provider_refused"

    def __init__(self, order_id: str, why: str) -> None:
        super().__init__(f"The payment provider refused: {why}")
        self.extras = {"order": order_id}


def _amounts(kind: WalletKind, currency: str, needed_nano: int, available_nano: int) -> dict[str, Any]:
    return {
        "wallet": kind.value,
        "currency": currency,
        "needed": decimal(needed_nano),
        "available": decimal(available_nano),
    }
