"""A request of Anthropic's Messages protocol in the words of chat completions.

Fields that have no counterpart and would change the answer never get here (`InferenceRequest.native_only`). Cache marks are hints
and are left out; so is thinking of earlier turns, which no other model may read.
"""

from __future__ import annotations

from typing import Any

from tokens_forge.errors import RequestError
from tokens_forge.providers.tool_calls import call_of

_CHOICES = {"auto": "auto", "none": "none", "any": "required"}


def chat_body(fields: dict[str, Any], model: str, output_limit_field: str, output_tokens_max: int) -> dict[str, Any]:
    """The body to send. Raises RequestError for a message that cannot be read."""
    body: dict[str, Any] = {"model": model, output_limit_field: output_tokens_max, "messages": _conversation(fields)}
    for name in ("temperature", "top_p", "stream"):
        if fields.get(name) is not None:
            body[name] = fields[name]
    if fields.get("stream"):
        body["stream_options"] = {"include_usage": True}
    if fields.get("stop_sequences"):
        body["stop"] = fields["stop_sequences"]
    metadata = fields.get("metadata")
    if isinstance(metadata, dict) and metadata.get("user_id"):
        body["user"] = metadata["user_id"]
    if fields.get("tools"):
        body["tools"] = [_tool(tool) for tool in fields["tools"]]
        body.update(_tool_choice(fields.get("tool_choice")))
    return body


def _conversation(fields: dict[str, Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    system = _text(fields.get("system"), "system")
    if system:
        messages.append({"role": "system", "content": system})
    for index, message in enumerate(fields["messages"]):
        where, role, content = f"messages.{index}", message.get("role"), message.get("content")
        if not isinstance(content, str | list):
            raise RequestError("content must be a text or a list of blocks.", param=f"{where}.content")
        if role == "assistant":
            messages.append(_assistant(content, where))
        elif role == "user":
            messages.extend(_user(content, where))
        else:
            raise RequestError(f"There is no role {role!r}.", param=f"{where}.role")
    return messages


def _assistant(content: str | list[dict[str, Any]], where: str) -> dict[str, Any]:
    if isinstance(content, str):
        return {"role": "assistant", "content": content}
    text = _text([block for block in content if block["type"] == "text"], where)
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    calls = [call_of(block) for block in content if block["type"] == "tool_use"]
    if calls:
        message["tool_calls"] = calls
    return message


def _user(content: str | list[dict[str, Any]], where: str) -> list[dict[str, Any]]:
    """One turn of the user: first the results of tools, each a message, then whatever else there is."""
    if isinstance(content, str):
        return [{"role": "user", "content": content}]
    results, parts = [], []
    for block in content:
        if block["type"] == "tool_result":
            result, images = _tool_result(block, where)
            results.append(result)
            parts.extend(images)
        else:
            parts.append(_part(block, where))
    return [*results, {"role": "user", "content": parts}] if parts else results


def _tool_result(block: dict[str, Any], where: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The result as a message, and its images apart: the message of a tool holds text only."""
    content = block.get("content")
    blocks = content if isinstance(content, list) else []
    texts = [inner for inner in blocks if inner["type"] == "text"]
    images = [_part(inner, where) for inner in blocks if inner["type"] != "text"]
    text = _text(content if isinstance(content, str) else texts, where)
    if block.get("is_error"):
        text = f"Error: {text}"
    return {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": text}, images


def _part(block: dict[str, Any], where: str) -> dict[str, Any]:
    if block["type"] == "text":
        return {"type": "text", "text": _text([block], where)}
    if block["type"] != "image":
        raise RequestError(f"A user sends no block of type {block['type']!r}.", param=f"{where}.content")
    source = block["source"]
    if source["type"] == "url":
        return {"type": "image_url", "image_url": {"url": source.get("url")}}
    return {"type": "image_url", "image_url": {"url": f"data:{source.get('media_type')};base64,{source.get('data')}"}}


def _text(content: object, where: str) -> str:
    """The words of a text, or of text blocks joined: where one ends, the provider sees the next begin."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = [block.get("text") for block in content] if isinstance(content, list) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise RequestError("A text block holds a text.", param=where)
    return "\n".join(str(text) for text in texts)


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = {"name": tool.get("name"), "parameters": tool.get("input_schema") or {"type": "object"}}
    if tool.get("description"):
        function["description"] = tool["description"]
    return {"type": "function", "function": function}


def _tool_choice(given: object) -> dict[str, Any]:
    if given is None:
        return {}
    choice = given if isinstance(given, dict) else {}
    kind = choice.get("type")
    if kind == "tool":
        made: dict[str, Any] = {"tool_choice": {"type": "function", "function": {"name": choice.get("name")}}}
    elif isinstance(kind, str) and kind in _CHOICES:
        made = {"tool_choice": _CHOICES[kind]}
    else:
        raise RequestError("tool_choice is auto, none, any, or a tool.", param="tool_choice")
    if choice.get("disable_parallel_tool_use"):
        made["parallel_tool_calls"] = False
    return made
