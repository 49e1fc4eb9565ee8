"""DynamoDB's exceptions as the port's faults. Failed conditions are answers, not faults: they have exceptions of their own here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from tokens_forge.store.codec import Item
from tokens_forge.store.port import StoreConflict, StoreFault, StoreSilent, StoreThrottled

_THROTTLED = frozenset(
    {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "ThrottlingError"}
)
_CONFLICT = frozenset({"TransactionConflictException", "TransactionInProgressException"})
_SILENT = frozenset({"InternalServerError", "ServiceUnavailable", "InternalFailure"})


class ConditionFailed(Exception):
    """A single conditional write failed; `item` is the item as it stood, if there was one."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("condition failed")
        self.item = item


class Cancelled(Exception):
    """A transaction failed on conditions; `items` holds the old item of each failed one, by position."""

    def __init__(self, items: list[Item | None]) -> None:
        super().__init__("transaction cancelled")
        self.items = items


@contextmanager
def faults() -> Iterator[None]:
    """Turn botocore's exceptions into the port's faults, and failed conditions into the two exceptions above."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "ConditionalCheckFailedException":
            response: dict[str, Any] = dict(error.response)
            raise ConditionFailed(response.get("Item")) from None
        if code == "TransactionCanceledException":
            raise _cancellation(error) from None
        if code in _CONFLICT:
            raise StoreConflict(code) from error
        if code in _THROTTLED:
            raise StoreThrottled(code) from error
        if code in _SILENT or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise StoreSilent(code) from error
        raise StoreFault(f"{code}: {error.response['Error'].get('Message', '')}") from error
    except (
        ParamValidationError
    ) as error:  # botocore itself refused it: nothing was sent, and asking again would not help
        raise StoreFault(str(error)) from error
    except (BotoCoreError, ResponseParserError) as error:  # connection, time-out, broken answer: it may have been done
        raise StoreSilent(type(error).__name__) from error


@contextmanager
def passing_over(code: str) -> Iterator[None]:
    """Pass over AWS's error of this code, inside of `faults()`. Not by `client.exceptions`: botocore makes those classes when they
    are first asked for, and two threads that ask at once get two of each, of which one never matches."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise


def _cancellation(error: ClientError) -> Exception:
    """Reasons are positional (API reference of TransactWriteItems). A conflict or a throttle says nothing about conditions."""
    response: dict[str, Any] = dict(error.response)
    reasons: list[dict[str, Any]] = response.get("CancellationReasons", [])
    codes = [reason.get("Code", "None") for reason in reasons]
    if "TransactionConflict" in codes:
        return StoreConflict("TransactionConflict")
    if "ThrottlingError" in codes or "ProvisionedThroughputExceeded" in codes:
        return StoreThrottled(", ".join(codes))
    if codes and set(codes) <= {"None", "ConditionalCheckFailed"}:
        return Cancelled([_failed_item(reason) for reason in reasons])
    return StoreFault(f"transaction cancelled: {', '.join(codes)}")


def _failed_item(reason: dict[str, Any]) -> Item | None:
    return reason.get("Item") if reason.get("Code") == "ConditionalCheckFailed" else None
