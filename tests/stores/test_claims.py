"""Claims as they are stored: who may run a request, and the answer that is kept for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.dynamodb_faults import Fault, FaultyDynamoDB
from tests.support.engines import ANSWERS_BUCKET, Engine
from tests.unit.builders import NOW_MS
from tokens_forge.ids import random_letters
from tokens_forge.retries.claims import Claim, KeptAnswer
from tokens_forge.store.claims import AnswerBucket, DynamoClaimStore
from tokens_forge.store.port import StoreSilent

CLAIM = Claim("key_a", "body#1", "1", "req_1", 1, NOW_MS + 1000, NOW_MS // 1000 + 900)
OTHER = replace(CLAIM, request_id="req_2")
ANSWER = KeptAnswer({"x-forge-wallet": "official"}, "application/json", b'{"a":1}')


def store_on(engine: Engine, *faults: Fault) -> DynamoClaimStore:
    client = FaultyDynamoDB(engine.client(), faults)
    return DynamoClaimStore(client, engine.table_names["FORGE_STATE_TABLE"], AnswerBucket(engine.s3, ANSWERS_BUCKET))


def place(store: DynamoClaimStore, claim: Claim, *replaces: str, now_ms: int = NOW_MS) -> Claim | None:
    return store.place(claim, replaces=replaces, now_ms=now_ms)


def test_one_runs_and_the_next_is_told_who(moto: Engine) -> None:
    store = store_on(moto)
    assert store.read("key_a", "body#1") is None
    assert place(store, CLAIM) is None and store.read("key_a", "body#1") == CLAIM
    assert place(store, OTHER) == CLAIM
    assert place(store, replace(OTHER, key_id="key_b")) is None, "another API key is another request"


def test_a_claim_is_replaced_by_whom_it_names_or_when_it_has_expired(moto: Engine) -> None:
    store = store_on(moto)
    place(store, CLAIM)
    assert place(store, OTHER, "req_9", "req_1") is None
    third = replace(CLAIM, request_id="req_3", instead_of="req_1")
    assert place(store, third, now_ms=NOW_MS + 899_000) == OTHER
    assert place(store, third, now_ms=NOW_MS + 900_000) is None and store.read("key_a", "body#1") == third


def test_a_first_sending_without_a_key_replaces_a_first_sending_only(moto: Engine) -> None:
    store = store_on(moto)
    first = replace(CLAIM, retry_count=0)
    assert place(store, first) is None and place(store, replace(first, request_id="req_2")) is None
    keyed = replace(first, name="key#1")
    assert place(store, keyed) is None and place(store, replace(keyed, request_id="req_2")) == keyed
    again = replace(CLAIM, name="body#2")
    assert place(store, again) is None and place(store, replace(again, request_id="req_2", retry_count=0)) == again


@pytest.mark.parametrize("fault", [Fault.TWICE, Fault.REPLY_LOST])
def test_a_message_that_arrives_twice_or_whose_reply_is_lost_still_claims_once(moto: Engine, fault: Fault) -> None:
    store = store_on(moto, fault)
    if fault is Fault.REPLY_LOST:
        with pytest.raises(StoreSilent):
            place(store, CLAIM)
    assert place(store, CLAIM) is None and store.read("key_a", "body#1") == CLAIM


@pytest.mark.parametrize("size", [10, 30_000])
def test_an_answer_comes_back_as_it_was(moto: Engine, size: int) -> None:
    store = store_on(moto)
    answer = replace(ANSWER, body=random_letters(size).encode())
    place(store, CLAIM)
    assert store.answer(CLAIM) is None
    store.keep(CLAIM, answer)
    assert store.answer(CLAIM) == answer
    assert store.read("key_a", "body#1") == replace(CLAIM, is_answered=True)


def test_an_answer_is_kept_for_the_claim_that_stands(moto: Engine) -> None:
    store = store_on(moto)
    place(store, OTHER)
    store.keep(CLAIM, ANSWER)
    store.drop(CLAIM)
    store.end_lease(CLAIM)
    assert store.read("key_a", "body#1") == OTHER and store.answer(CLAIM) is None and store.answer(OTHER) is None


def test_an_answer_that_s3_has_lost_is_lost(moto: Engine) -> None:
    store = store_on(moto)
    place(store, CLAIM)
    store.keep(CLAIM, replace(ANSWER, body=random_letters(30_000).encode()))
    [kept] = moto.s3().list_objects_v2(Bucket=ANSWERS_BUCKET)["Contents"]
    moto.s3().delete_object(Bucket=ANSWERS_BUCKET, Key=kept["Key"])
    assert store.answer(CLAIM) is None


def test_an_answer_too_large_to_keep_is_not_kept(moto: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from tokens_forge.store import claims

    monkeypatch.setattr(claims, "ANSWER_BYTES_MAX", 100)
    store = store_on(moto)
    place(store, CLAIM)
    store.keep(CLAIM, replace(ANSWER, body=random_letters(500).encode()))
    assert store.answer(CLAIM) is None


def test_a_run_that_gives_up_leaves_the_request_to_others(moto: Engine) -> None:
    store = store_on(moto)
    place(store, CLAIM)
    store.end_lease(CLAIM)
    assert store.read("key_a", "body#1") == replace(CLAIM, leased_until_ms=0)
    store.drop(CLAIM)
    assert store.read("key_a", "body#1") is None and place(store, OTHER) is None
