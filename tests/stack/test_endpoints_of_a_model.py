"""A model is sold on some endpoints: listing, quote and call say the same of each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.deployment import Deployment
from tests.support.http import Api
from tests.support.upstream import Upstream
from tokens_forge.endpoints import Endpoint

BODIES: dict[Endpoint, dict[str, Any]] = {
    Endpoint.CHAT: {"messages": [{"role": "user", "content": "hi"}]},
    Endpoint.COMPLETIONS: {"prompt": "hi"},
    Endpoint.EMBEDDINGS: {"input": "hi"},
    Endpoint.RESPONSES: {"input": "hi"},
    Endpoint.MESSAGES: {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9},
}


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-3.5-turbo-instruct", "text-embedding-3-small", "claude-haiku-4-5"])
def test_what_the_listing_says_of_a_model_is_what_can_be_called(
    deployment: Deployment, base_url: str, upstream: Upstream, model: str
) -> None:
    api = Api(base_url, deployment.key())
    listed = api.get(f"/models/{model}").json()["forge"]["endpoints"]
    assert listed
    for endpoint in Endpoint:
        body = {"model": model, **BODIES[endpoint]}
        quote = api.post(f"/quotes?endpoint={endpoint.value}", body).json()
        response = api.post(endpoint.path.removeprefix("/v1"), body)
        assert quote["callable"] is (endpoint.value in listed)
        if endpoint.value in listed:
            assert response.status_code == 200, response.text
            continue
        assert response.status_code == 404
        problem = response.json()["error"]
        assert (problem["code"], problem["forge"]["class"]) == ("model_not_found", "model_availability")
        assert all(Endpoint(one).path in problem["message"] for one in listed)
        assert quote["error"]["message"] == problem["message"]
    assert len(upstream.requests) == len(listed)


def test_a_quote_is_for_a_chat_request_unless_it_says_otherwise(deployment: Deployment, base_url: str) -> None:
    api = Api(base_url, deployment.key())
    body = {"model": "gpt-4o", **BODIES[Endpoint.CHAT]}
    assert api.post("/quotes", body).json()["endpoint"] == "chat.completions"
    wrong = api.post("/quotes?endpoint=telepathy", body)
    assert wrong.status_code == 400 and wrong.json()["error"]["param"] == "endpoint"
    other_body = api.post("/quotes?endpoint=embeddings", body)
    assert other_body.status_code == 400 and other_body.json()["error"]["param"] == "input"
