"""What the adapter makes of every fault of DynamoDB, of the network and of itself, for each operation of the port.

A fault that wrote nothing, a fault that may have written, and one that will not go away are three different exceptions: settlement
asks again after the first two only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from tests.conformance.builders import ACCOUNT, KEY, OFFICIAL, hold_request, intent, outcome, receipt, top_up
from tests.conformance.ledger import closing, open_hold
from tests.conformance.wire import Reply, Script, ScriptedDynamoDB, error
from tests.unit.builders import NOW_MS
from tokens_forge.store.dynamodb import DynamoLedgerStore, LedgerTables
from tokens_forge.store.port import (
    Credit,
    EntryName,
    StoreConflict,
    StoreFault,
    StoreSilent,
    StoreThrottled,
    Take,
    Unchanged,
)
from tokens_forge.wallets import Wallet

HOLD = hold_request(400)
ENTRY = receipt(HOLD, 100)
INTENT = intent()
DAY, MINUTE = "2026-11-24", "2026-11-24T13:48"
Operation = Callable[[DynamoLedgerStore], Any]
OPERATIONS: dict[str, Operation] = {
    "open_wallet": lambda store: store.open_wallet(Wallet(ACCOUNT, OFFICIAL, "USD", opened_at_ms=NOW_MS)),
    "read_wallet": lambda store: store.read_wallet(ACCOUNT, OFFICIAL),
    "put_intent": lambda store: store.put_intent(INTENT),
    "record_outcome": lambda store: store.record_outcome(INTENT, outcome()),
    "record_checkpoint": lambda store: store.record_checkpoint(INTENT, outcome()),
    "read_intent": lambda store: store.read_intent(INTENT.request_id),
    "minute_intents": lambda store: store.minute_intents(MINUTE),
    "place_hold": lambda store: store.place_hold(HOLD),
    "post, closing": lambda store: store.post(ENTRY, closing(HOLD, 100)),
    "post, crediting": lambda store: store.post(top_up(10), Credit(10)),
    "post, taking": lambda store: store.post(top_up(-10), Take(10)),
    "post, changing nothing": lambda store: store.post(ENTRY, Unchanged()),
    "release_hold": lambda store: store.release_hold(ENTRY.entry_id, ACCOUNT, OFFICIAL, open_hold(HOLD)),
    "freeze_wallet": lambda store: store.freeze_wallet(ACCOUNT, OFFICIAL),
    "every_wallet": lambda store: list(store.every_wallet()),
    "read_entry": lambda store: store.read_entry(ACCOUNT, OFFICIAL, ENTRY.entry_id),
    "read_entries": lambda store: store.read_entries([EntryName(ACCOUNT, OFFICIAL, ENTRY.entry_id)]),
    "day_entries": lambda store: store.day_entries(ACCOUNT, OFFICIAL, DAY, before=None, limit=5),
    "book": lambda store: list(store.book(ACCOUNT, OFFICIAL, DAY)),
    "raise_auth_epoch": lambda store: store.raise_auth_epoch(ACCOUNT, OFFICIAL),
    "set_key_spend_limit": lambda store: store.set_key_spend_limit(ACCOUNT, OFFICIAL, KEY, 5),
}
NOWHERE = "http://dynamodb.invalid"
CONFLICTS = ["TransactionConflictException", "TransactionInProgressException"]
THROTTLES = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "ThrottlingError",
]
FINAL = [
    "ValidationException",
    "AccessDeniedException",
    "ResourceNotFoundException",
    "ItemCollectionSizeLimitExceededException",
    "IdempotentParameterMismatchException",
    "ExpiredTokenException",
]
SILENCES: dict[str, Script] = {
    "InternalServerError": error("InternalServerError", 500),
    "InternalFailure": error("InternalFailure", 500),
    "ServiceUnavailable": error("ServiceUnavailable", 503),
    "InternalServerError that calls itself a client's fault": error("InternalServerError", 400),
    "InternalFailure that calls itself a client's fault": error("InternalFailure", 400),
    "ServiceUnavailable that calls itself a client's fault": error("ServiceUnavailable", 400),
    "an unknown error of the server": error("SomethingNew", 500),
    "an error page of a proxy": Reply(502, b"<html>bad gateway</html>"),
    # botocore reads a body that is no JSON as an empty answer; it is the declared length that tells of a missing half.
    "half an answer": IncompleteReadError(actual_bytes=14, expected_bytes=100),
    "an answer that cannot be read": ResponseParserError("not what the operation gives"),
    "no connection": EndpointConnectionError(endpoint_url=NOWHERE),
    "no connection in time": ConnectTimeoutError(endpoint_url=NOWHERE),
    "no answer in time": ReadTimeoutError(endpoint_url=NOWHERE),
    "closed in the middle": ConnectionClosedError(endpoint_url=NOWHERE),
}


def fault_of(operation: str, answer: Script) -> StoreFault:
    """The fault that this operation raises; it asked once, and did not try again by itself."""
    scripted = ScriptedDynamoDB(answer)
    with pytest.raises(StoreFault) as caught:
        OPERATIONS[operation](scripted.store)
    assert len(scripted.asked) == 1
    return caught.value


@pytest.mark.parametrize("code", CONFLICTS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_conflict_wrote_nothing(operation: str, code: str) -> None:
    fault = fault_of(operation, error(code))
    assert type(fault) is StoreConflict and str(fault) == code


@pytest.mark.parametrize("code", THROTTLES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_throttled_operation_wrote_nothing(operation: str, code: str) -> None:
    fault = fault_of(operation, error(code))
    assert type(fault) is StoreThrottled and str(fault) == code


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_without_a_clear_answer_it_may_have_been_done(operation: str, silence: str) -> None:
    assert type(fault_of(operation, SILENCES[silence])) is StoreSilent


@pytest.mark.parametrize("code", FINAL)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_will_not_go_away_is_neither_of_them_and_names_itself(operation: str, code: str) -> None:
    fault = fault_of(operation, error(code))
    assert type(fault) is StoreFault and str(fault) == f"{code}: {code} it is"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_throttle_with_status_503_is_still_a_throttle(operation: str) -> None:
    assert type(fault_of(operation, error("ThrottlingException", 503))) is StoreThrottled


def test_what_botocore_itself_refuses_is_never_sent_and_will_not_go_away() -> None:
    scripted = ScriptedDynamoDB()
    nameless = DynamoLedgerStore(scripted.client, LedgerTables("", "", ""))
    with pytest.raises(StoreFault, match="Invalid length for parameter TableName") as caught:
        nameless.read_wallet(ACCOUNT, OFFICIAL)
    assert type(caught.value) is StoreFault and scripted.asked == []


def test_every_operation_of_the_port_is_here() -> None:
    public = {name for name in vars(DynamoLedgerStore) if not name.startswith("_")}
    assert {operation.partition(",")[0] for operation in OPERATIONS} == public
