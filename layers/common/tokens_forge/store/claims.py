"""Claims in DynamoDB: one short-lived item each, with its answer inside when that is small, else in S3."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from threading import Lock
from typing import Any

from tokens_forge.retries.claims import Claim, KeptAnswer
from tokens_forge.store.codec import Item, number, text
from tokens_forge.store.dynamodb_faults import ConditionFailed, faults
from tokens_forge.store.objects import get_object, put_object

INLINE_BYTES_MAX = 8 * 1024  # above this an object in S3 costs less than the write units
ANSWER_BYTES_MAX = 32 * 1024 * 1024


class DynamoClaimStore:
    """Implements `retries.claims.ClaimStore`."""

    def __init__(self, client: Any, table: str, answers: AnswerBucket) -> None:
        self._client = client
        self._table = table
        self._answers = answers

    def read(self, key_id: str, name: str) -> Claim | None:
        """A consistent read."""
        item = self._item(key_id, name)
        return _claim_of(item) if item is not None else None

    def place(self, claim: Claim, *, replaces: tuple[str, ...], now_ms: int) -> Claim | None:
        """Be the one who runs the request."""
        values = {":now": number(now_ms // 1000)}
        condition = "attribute_not_exists(request_id) OR expires_at <= :now"
        for position, request_id in enumerate(replaces):
            values[f":replaced{position}"] = text(request_id)
            condition += f" OR request_id = :replaced{position}"
        if claim.name.startswith("body#") and claim.retry_count == 0:
            values[":first"] = number(0)
            condition += " OR retry_count = :first"
        try:
            with faults():
                self._client.put_item(
                    TableName=self._table,
                    Item=_item_of(claim),
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ConditionFailed as failed:
            stands = _claim_of(failed.item) if failed.item else self.read(claim.key_id, claim.name)
            # Our own earlier sending of this very write arrived, though its reply was lost.
            return None if stands is not None and stands.request_id == claim.request_id else stands
        return None

    def keep(self, claim: Claim, answer: KeptAnswer) -> None:
        """Keep the answer of a run, if its claim still stands."""
        packed = zlib.compress(answer.body, 6)
        if len(packed) > ANSWER_BYTES_MAX:
            return
        values: Item = {
            ":mine": text(claim.request_id),
            ":headers": text(json.dumps([answer.media_type, dict(answer.headers)])),
        }
        if len(packed) <= INLINE_BYTES_MAX:
            update = "SET headers = :headers, answer = :answer"
            values[":answer"] = {"B": packed}
        else:
            update = "SET headers = :headers, answer_in = :place"
            values[":place"] = text(self._answers.put(claim, packed))
        try:
            with faults():
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(claim.key_id, claim.name),
                    UpdateExpression=update,
                    ConditionExpression="request_id = :mine",
                    ExpressionAttributeValues=values,
                )
        except ConditionFailed:
            pass  # somebody took this request over: its answer is the one that counts

    def answer(self, claim: Claim) -> KeptAnswer | None:
        """The kept answer; None when it is lost."""
        item = self._item(claim.key_id, claim.name)
        if item is None or item["request_id"]["S"] != claim.request_id or "headers" not in item:
            return None
        packed = item["answer"]["B"] if "answer" in item else self._answers.get(item["answer_in"]["S"])
        if packed is None:
            return None
        media_type, headers = json.loads(item["headers"]["S"])
        return KeptAnswer(headers, media_type, zlib.decompress(packed))

    def drop(self, claim: Claim) -> None:
        """Forget a run that charged nothing, if its claim still stands."""
        try:
            with faults():
                self._client.delete_item(
                    TableName=self._table,
                    Key=_key(claim.key_id, claim.name),
                    ConditionExpression="request_id = :mine",
                    ExpressionAttributeValues={":mine": text(claim.request_id)},
                )
        except ConditionFailed:
            pass

    def end_lease(self, claim: Claim) -> None:
        """Let a retry take a run over at once, if its claim still stands."""
        try:
            with faults():
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(claim.key_id, claim.name),
                    UpdateExpression="SET leased_until_ms = :zero",
                    ConditionExpression="request_id = :mine",
                    ExpressionAttributeValues={":zero": number(0), ":mine": text(claim.request_id)},
                )
        except ConditionFailed:
            pass

    def _item(self, key_id: str, name: str) -> Item | None:
        with faults():
            found = self._client.get_item(TableName=self._table, Key=_key(key_id, name), ConsistentRead=True)
        item: Item | None = found.get("Item")
        return item


class AnswerBucket:
    """Large answers in S3, which forgets them after two days. Its client is made when the first large answer comes."""

    def __init__(self, client: Callable[[], Any], bucket: str) -> None:
        self._make_client = client
        self._bucket = bucket
        self._made: Any = None
        self._lock = Lock()

    @property
    def _client(self) -> Any:
        with self._lock:
            self._made = self._made or self._make_client()
            return self._made

    def put(self, claim: Claim, packed: bytes) -> str:
        """Keep an answer. Returns where."""
        place = f"answers/{claim.key_id}/{claim.request_id}"
        put_object(self._client, self._bucket, place, packed)
        return place

    def get(self, place: str) -> bytes | None:
        """The answer; None when it is not there any more."""
        return get_object(self._client, self._bucket, place)


def _key(key_id: str, name: str) -> Item:
    return {"scope": text(f"retry#{key_id}"), "item": text(name)}


def _item_of(claim: Claim) -> Item:
    item = {
        **_key(claim.key_id, claim.name),
        "body": text(claim.request_sha256),
        "request_id": text(claim.request_id),
        "retry_count": number(claim.retry_count),
        "leased_until_ms": number(claim.leased_until_ms),
        "expires_at": number(claim.expires_at_s),
    }
    if claim.instead_of is not None:
        item["instead_of"] = text(claim.instead_of)
    return item


def _claim_of(item: Item) -> Claim:
    return Claim(
        key_id=item["scope"]["S"].partition("#")[2],
        name=item["item"]["S"],
        request_sha256=item["body"]["S"],
        request_id=item["request_id"]["S"],
        retry_count=int(item["retry_count"]["N"]),
        leased_until_ms=int(item["leased_until_ms"]["N"]),
        expires_at_s=int(item["expires_at"]["N"]),
        instead_of=item["instead_of"]["S"] if "instead_of" in item else None,
        is_answered="headers" in item,
    )
