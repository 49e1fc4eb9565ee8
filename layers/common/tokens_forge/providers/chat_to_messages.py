"""A chat completion request in the words of Anthropic's Messages protocol.

Fields that have no counterpart and would change the answer never get here (`InferenceRequest.native_only`). Hints that change
nothing that a client could rely on, such as `seed`, are left out.
"""

from __future__ import annotations

from typing import Any

from tokens_forge.errors import RequestError
from tokens_forge.providers.tool_calls import arguments_of

_NO_ARGUMENTS = {"type": "object", "properties": {}}
_CHOICES = {"auto": "auto", "none": "none", "required": "any"}
TEMPERATURE_MAX = 1.0  # OpenAI's goes up to 2, and a provider refuses what is above its own


def messages_body(fields: dict[str, Any], model: str, output_tokens_max: int) -> dict[str, Any]:
    """The body to send. Raises RequestError for a message that cannot be read."""
    system, messages = _conversation(fields["messages"])
    body: dict[str, Any] = {"model": model, "max_tokens": output_tokens_max, "messages": messages}
    if system:
        body["system"] = system
    for name in ("temperature", "top_p", "stream"):
        if fields.get(name) is not None:
            body[name] = fields[name]
    if isinstance(body.get("temperature"), int | float):
        body["temperature"] = min(body["temperature"], TEMPERATURE_MAX)
    stop = fields.get("stop")
    if stop:
        body["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    user = fields.get("safety_identifier") or fields.get("user")
    if user:
        body["metadata"] = {"user_id": user}
    if fields.get("tools"):
        body["tools"] = [_tool(tool, f"tools.{index}") for index, tool in enumerate(fields["tools"])]
        body["tool_choice"] = _tool_choice(fields)
    return body


def _conversation(messages: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """The system prompt, and the turns: what one side says in a row is one turn."""
    system: list[str] = []
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        where, role = f"messages.{index}", message.get("role")
        if role in ("system", "developer"):
            system.extend(block["text"] for block in _blocks(message.get("content"), where) if block["type"] == "text")
            continue
        if role == "tool":
            role, blocks = "user", [_tool_result(message, where)]
        elif role == "assistant":
            blocks = [*_blocks(message.get("content"), where), *_tool_uses(message, where)]
        elif role == "user":
            blocks = _blocks(message.get("content"), where)
        else:
            raise RequestError(f"There is no role {role!r}.", param=f"{where}.role")
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"].extend(blocks)
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return "\n\n".join(system), turns


def _blocks(content: object, where: str) -> list[dict[str, Any]]:
    """Content as blocks. Empty text is left out: the protocol refuses it."""
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise RequestError("content must be a text or a list of parts.", param=f"{where}.content")
    blocks = [_block(part, where) for part in content]
    return [block for block in blocks if block.get("text") != ""]


def _block(part: dict[str, Any], where: str) -> dict[str, Any]:
    if part["type"] == "image_url":
        image = part.get("image_url")
        return {"type": "image", "source": _image_source(image.get("url") if isinstance(image, dict) else image, where)}
    text = part.get(part["type"])  # `text` and `refusal` keep their words under their own name
    if not isinstance(text, str):
        raise RequestError("A text part holds a text.", param=f"{where}.content")
    return {"type": "text", "text": text}


def _image_source(url: object, where: str) -> dict[str, Any]:
    if not isinstance(url, str):
        raise RequestError("An image is given by its url.", param=f"{where}.content")
    if not url.startswith("data:"):
        return {"type": "url", "url": url}
    head, comma, data = url.removeprefix("data:").partition(",")
    media_type, _, encoding = head.partition(";")
    if not comma or encoding != "base64":
        raise RequestError("A data URL of an image is base64.", param=f"{where}.content")
    return {"type": "base64", "media_type": media_type, "data": data}


def _tool_result(message: dict[str, Any], where: str) -> dict[str, Any]:
    content = _blocks(message.get("content"), where)
    return {"type": "tool_result", "tool_use_id": message.get("tool_call_id"), "content": content}


def _tool_uses(message: dict[str, Any], where: str) -> list[dict[str, Any]]:
    found, calls = [], message.get("tool_calls")
    if calls is not None and not isinstance(calls, list):
        raise RequestError("tool_calls is a list.", param=f"{where}.tool_calls")
    for call in calls or ():
        try:
            function = call["function"]
            use = {"type": "tool_use", "id": call["id"], "name": function["name"]}
            found.append({**use, "input": arguments_of(function)})
        except (KeyError, TypeError, ValueError):
            raise RequestError("A tool call has an id, a name and arguments.", param=f"{where}.tool_calls") from None
    return found


def _tool(tool: dict[str, Any], where: str) -> dict[str, Any]:
    function = tool.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise RequestError("A tool is a function with a name.", param=where)
    made = {"name": function["name"], "input_schema": function.get("parameters") or _NO_ARGUMENTS}
    if function.get("description"):
        made["description"] = function["description"]
    return made


def _tool_choice(fields: dict[str, Any]) -> dict[str, Any]:
    given = fields.get("tool_choice") or "auto"
    if isinstance(given, dict):
        function = given.get("function")
        choice = {"type": "tool", "name": function.get("name") if isinstance(function, dict) else None}
    elif isinstance(given, str) and given in _CHOICES:
        choice = {"type": _CHOICES[given]}
    else:
        raise RequestError("tool_choice is auto, none, required, or a function.", param="tool_choice")
    if fields.get("parallel_tool_calls") is False and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    return choice
