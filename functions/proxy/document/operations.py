"""Every route of the public API: what it takes, what it answers, and which errors beside those that any route can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from functions.proxy.document import account, bodies, inference, prices, quotes
from functions.web.openapi import Header, Operation
from functions.web.shapes import AnthropicError, Error, Health
from tokens_forge import errors
from tokens_forge.requests.messages import VERSION_HEADER
from tokens_forge.retries.claims import IDEMPOTENCY_KEY_LETTERS_MAX, SDK_CLAIM_KEPT_S
from tokens_forge.wallets import WalletKind

INFERENCE, MODELS, ACCOUNT, KEYS, SERVICE = "inference", "quotes and models", "account", "keys", "service"
CAN_BE_CALLED = (errors.ModelNotFound, errors.NoPrice, errors.ModelNotAllowed, errors.NoRoute)
_BOOLEAN = {"enum": ["true", "false"]}

# Known once a channel was chosen: on every answer, and on the errors of a provider.
SETTLEMENT = (
    Header("x-forge-receipt-id", "The id of this request's receipt.", {"type": "string", "pattern": "^req_"}),
    Header("x-forge-wallet", "The wallet that pays.", {"enum": [kind.value for kind in WalletKind]}),
    Header("x-forge-route", "The channel that served."),
    Header("x-forge-backup-used", "Whether that was a backup.", _BOOLEAN),
)
CHARGE = Header(
    "x-forge-charge",
    "What was charged, with its currency; not on streams.",
    {"type": "string", "pattern": r"^[0-9]+\.[0-9]{2,9} [A-Z]{3}$"},
)
REPLAYED = Header("idempotent-replayed", "The answer of an earlier sending of this request.", {"const": "true"})
RATE_LIMITS = tuple(
    Header(f"x-ratelimit-{what}-{of}", f"{meaning} ({of}). For a key with that limit.", {"type": "string"})
    for of in ("requests", "tokens")
    for what, meaning in (
        ("limit", "The limit a minute"),
        ("remaining", "What is left of it"),
        ("reset", "When the minute is over, such as `12s`"),
    )
)
IDEMPOTENCY_KEY = Header(
    "Idempotency-Key",
    "Makes the request safe to repeat for 24 hours: it is answered again and paid once.",
    {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_LETTERS_MAX},
)
RETRY_COUNT = Header(
    "x-stainless-retry-count",
    "Sent by official clients. From 1 on, the same body "
    f"within {SDK_CLAIM_KEPT_S // 60} minutes is a retry: answered again, and paid once.",
    {"type": "string", "pattern": "^[0-9]{1,3}$"},
)
VERSION = Header(
    VERSION_HEADER,
    "The version of Anthropic's protocol.",
    {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
)
INFERENCE_ERRORS = (
    *CAN_BE_CALLED,
    errors.EndpointNotServed,
    errors.KeyNotPermitted,
    errors.InsufficientBalance,
    errors.KeySpendLimit,
    errors.WalletFrozen,
    errors.TooManyHolds,
    errors.RateLimited,
    errors.StillRunning,
    errors.IdempotencyKeyReused,
    errors.UpstreamRejected,
    errors.NoHealthyRoute,
)


def _inference(
    body: Any, answer: Any, event: Any, *, shape: Any = Error, version: tuple[Header, ...] = ()
) -> Operation:
    """An inference endpoint; `event` is the type of one event of a stream, None when it has no streams."""
    return Operation(
        INFERENCE,
        answer,
        INFERENCE_ERRORS,
        body=body,
        media={"text/event-stream": event} if event is not None else {},
        headers=(*(replace(header, required=True) for header in SETTLEMENT), CHARGE, REPLAYED, *RATE_LIMITS),
        error_headers=(*SETTLEMENT, CHARGE, *RATE_LIMITS),
        request_headers=(IDEMPOTENCY_KEY, RETRY_COUNT, *version),
        error_shape=shape,
    )


OPERATIONS: Mapping[str, Operation] = {
    "POST /v1/chat/completions": _inference(bodies.ChatCompletionRequest, inference.ChatCompletion, inference.Chunk),
    "POST /v1/responses": _inference(bodies.ResponseRequest, inference.Response, inference.ResponseEvent),
    "POST /v1/messages": _inference(
        bodies.MessageRequest, inference.Message, inference.MessageEvent, shape=AnthropicError, version=(VERSION,)
    ),
    "POST /v1/completions": _inference(bodies.CompletionRequest, inference.Completion, inference.Chunk),
    "POST /v1/embeddings": _inference(bodies.EmbeddingRequest, inference.Embeddings, None),
    "POST /v1/quotes": Operation(MODELS, quotes.Quote, (errors.KeyNotPermitted,), body=bodies.InferenceRequest),
    "GET /v1/models": Operation(MODELS, prices.ModelList, (errors.KeyNotPermitted,)),
    "GET /v1/models/{model_id}": Operation(
        MODELS, prices.Model, (*CAN_BE_CALLED, errors.KeyNotPermitted, errors.NotFound)
    ),
    "GET /v1/routes": Operation(MODELS, prices.RouteList, (errors.KeyNotPermitted,)),
    "GET /v1/wallets": Operation(ACCOUNT, account.WalletList),
    "GET /v1/ledger": Operation(
        ACCOUNT,
        account.LedgerPage,
        (errors.NotFound,),
        media={"text/csv": account.LedgerAsCsv},
        headers=(Header("x-next-cursor", "The next page, in CSV; not on the last one."),),
    ),
    "GET /v1/receipts": Operation(ACCOUNT, account.ReceiptPage),
    "GET /v1/receipts/{receipt_id}": Operation(ACCOUNT, account.Receipt, (errors.NotFound,)),
    "GET /v1/key": Operation(ACCOUNT, account.Key),
    "GET /v1/keys": Operation(KEYS, account.KeyList, (errors.KeyNotPermitted,)),
    "POST /v1/keys": Operation(KEYS, account.KeyWithToken, (errors.KeyNotPermitted,), body=account.NewKey),
    "GET /v1/keys/{key_id}": Operation(KEYS, account.Key, (errors.KeyNotPermitted, errors.NotFound)),
    "PATCH /v1/keys/{key_id}": Operation(
        KEYS, account.Key, (errors.KeyNotPermitted, errors.NotFound, errors.Conflict), body=account.KeyChange
    ),
    "DELETE /v1/keys/{key_id}": Operation(KEYS, account.Key, (errors.KeyNotPermitted, errors.NotFound)),
    "POST /v1/keys/{key_id}/rotate": Operation(
        KEYS,
        account.KeyWithToken,
        (errors.KeyNotPermitted, errors.NotFound, errors.Conflict),
        body=account.KeyRotation,
        body_required=False,
    ),
    "GET /healthz": Operation(SERVICE, Health, needs_key=False),
    "GET /openapi.json": Operation(SERVICE, dict[str, Any], needs_key=False),
}
