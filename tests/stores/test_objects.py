"""Objects in S3: what is not there is no fault, whoever else is asking."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.engines import ANSWERS_BUCKET, Engine
from tokens_forge.store.objects import get_object, put_object
from tokens_forge.store.port import StoreFault


@pytest.fixture
def client(moto: Engine) -> Any:
    return moto.s3()


def test_what_was_put_is_there(client: Any) -> None:
    put_object(client, ANSWERS_BUCKET, "a/b", b"text")
    assert get_object(client, ANSWERS_BUCKET, "a/b") == b"text"


def test_a_missing_bucket_is_a_fault_and_not_nothing(client: Any) -> None:
    with pytest.raises(StoreFault, match="NoSuchBucket"):
        get_object(client, "another", "a/b")


class Raced:
    """A client of which two threads asked for `exceptions` at once, and got two classes for one error: the other one is raised."""

    def __init__(self, client: Any) -> None:
        self.exceptions = client.exceptions

    def get_object(self, **_: str) -> None:
        raise ClientError(
            {"Error": {"Code": "NoSuchKey"}, "ResponseMetadata": {"HTTPStatusCode": 404}},
            "GetObject",
        )


def test_nothing_is_found_by_its_code_and_not_by_a_class_of_the_client(client: Any) -> None:
    assert get_object(client, ANSWERS_BUCKET, "nothing") is None
    assert get_object(Raced(client), ANSWERS_BUCKET, "nothing") is None
