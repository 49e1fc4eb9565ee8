"""What makes two requests one conversation."""

from __future__ import annotations

from typing import Any

import pytest

from tokens_forge.endpoints import Endpoint
from tokens_forge.requests.conversation import conversation_of
from tokens_forge.requests.inference import InferenceRequest

SYSTEM = {"role": "system", "content": "Be brief."}
HELLO = {"role": "user", "content": "Hello."}
ANSWER = {"role": "assistant", "content": "Hello!"}


def talk(key_id: str = "key_1", **fields: Any) -> str:
    return conversation_of(key_id, InferenceRequest(Endpoint.CHAT, fields, "small", 10))


def test_a_conversation_stays_the_same_as_it_grows() -> None:
    begun = talk(messages=[SYSTEM, HELLO])
    assert begun == talk(messages=[SYSTEM, HELLO, ANSWER, {"role": "user", "content": "And?"}])
    assert begun == talk(messages=[SYSTEM, HELLO], temperature=1, stream=True)


def test_another_beginning_or_another_key_is_another_conversation() -> None:
    begun = talk(messages=[SYSTEM, HELLO])
    assert begun != talk(messages=[HELLO])
    assert begun != talk(messages=[SYSTEM, {"role": "user", "content": "Good day."}])
    assert begun != talk("key_2", messages=[SYSTEM, HELLO])


def test_the_clients_own_name_for_it_counts_first() -> None:
    assert talk(prompt_cache_key="x", messages=[HELLO]) == talk(prompt_cache_key="x", user="u", messages=[SYSTEM])
    assert talk(user="u", messages=[HELLO]) == talk(user="u", messages=[SYSTEM, HELLO])
    assert talk(user="u", messages=[HELLO]) != talk(user="v", messages=[HELLO])
    assert talk("key_1", user="u") != talk("key_2", user="u")


@pytest.mark.parametrize("name", ["", None, 7, ["x"], {"x": 1}])
def test_what_is_no_name_is_not_taken_for_one(name: Any) -> None:
    assert talk(user=name, prompt_cache_key=name, messages=[HELLO]) == talk(messages=[HELLO])


@pytest.mark.parametrize("field", ["system", "instructions"])
def test_instructions_beside_the_messages_belong_to_the_beginning(field: str) -> None:
    assert talk(**{field: "Be brief."}, messages=[HELLO]) != talk(messages=[HELLO])


@pytest.mark.parametrize(
    "fields",
    [
        {"input": "text"},
        {"input": ["one", "two"]},
        {"input": [HELLO, ANSWER]},
        {"prompt": "text"},
        {"messages": "half \ud800 a letter"},
        {"messages": [1, None]},
        {},
    ],
)
def test_any_body_has_a_digest_and_shows_nothing_of_itself(fields: dict[str, Any]) -> None:
    assert len(talk(**fields)) == 64 and talk(**fields) == talk(**fields)
