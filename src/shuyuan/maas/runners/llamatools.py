"""Tools a model may call. Left to itself it calls them as its template taught it; told to, it must, whatever the model.

A forced call is an answer under a schema that names the tools: llama.cpp itself ignores `required` for templates
that know no tools, and does not hold others to it.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence

from shuyuan.maas.runners import interface, schema

_MAX_TOOLS = 64
_NAME_CHARACTERS = 64
_DESCRIPTION_CHARACTERS = 4_000

Tool = dict[str, object]  # {"type": "function", "function": {name, description, parameters}}


def read(payload: interface.Payload) -> tuple[list[Tool], bool]:
    """The tools on offer, and whether one must be called. Raises BadPayload."""
    tools, choice = payload.get("tools"), payload.get("tool_choice") or "auto"
    if not tools:
        return [], False
    if not isinstance(tools, list) or len(tools) > _MAX_TOOLS:
        raise interface.BadPayload(f"tools must be a list of at most {_MAX_TOOLS}", fix="send fewer tools")
    clean = [_tool(tool) for tool in tools]
    if isinstance(choice, dict):
        named = choice.get("function")
        name = named.get("name") if isinstance(named, dict) else None
        clean, choice = [tool for tool in clean if _function(tool)["name"] == name], "required"
    if choice not in ("auto", "none", "required") or not clean:
        raise interface.BadPayload("tool_choice must be auto, none, required or name a tool", fix="mend tool_choice")
    return ([], False) if choice == "none" else (clean, choice == "required")


def schema_of(tools: Sequence[Tool]) -> dict[str, object]:
    """What a forced answer looks like. Raises BadPayload when all tools together are too much."""
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": _function(tool)["name"]}, "arguments": _function(tool)["parameters"]},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    return schema.check({"anyOf": calls} if len(calls) > 1 else calls[0])


def told(messages: Sequence[object], tools: Sequence[Tool]) -> list[object]:
    """The messages, the last of them followed by what the tools are."""
    said = "\n".join(json.dumps(_function(tool), ensure_ascii=False) for tool in tools)
    note = {"role": "system", "content": f"Answer by calling one of these functions, as JSON:\n{said}"}
    return [note, *messages]


def called(chunks: Iterator[interface.Chunk]) -> Iterator[interface.Chunk]:
    """A forced answer as a tool call in the last chunk but one; cut short, it stays the text it is."""
    text = ""
    for chunk in chunks:
        text += chunk.text
        if not chunk.finish_reason:
            continue
        call = _parse(text) if chunk.finish_reason == "stop" else None
        if call is None:
            yield interface.Chunk(text=text, usage=chunk.usage)
        else:
            yield interface.Chunk(data={"tool_calls": [call]}, usage=chunk.usage)
        yield chunk


def _parse(text: str) -> dict[str, object] | None:
    try:
        said = json.loads(text)
        function = {"name": said["name"], "arguments": json.dumps(said["arguments"], ensure_ascii=False)}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return {"index": 0, "id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function}


def _tool(tool: object) -> Tool:
    function = tool.get("function") if isinstance(tool, dict) and tool.get("type", "function") == "function" else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str) or not _is_name(name):
        raise interface.BadPayload("a tool needs type function and a name of letters, digits, _ and -", fix="mend it")
    described = str(function.get("description") or "")[:_DESCRIPTION_CHARACTERS]
    parameters = schema.check(function.get("parameters") or {"type": "object", "properties": {}})
    return {"type": "function", "function": {"name": name, "description": described, "parameters": parameters}}


def _function(tool: Tool) -> Mapping[str, object]:
    return tool["function"]  # type: ignore[return-value]  # made by _tool


def _is_name(name: str) -> bool:
    return 1 <= len(name) <= _NAME_CHARACTERS and name.isascii() and name.replace("_", "").replace("-", "").isalnum()
