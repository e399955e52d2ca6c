"""The body of `/v1/chat/completions`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue, field_validator, model_validator

from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.wire import base, refusals
from shuyuan.science.text import schemas

_NEUTRAL: base.Neutral = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "functions": ([],),
    "function_call": ("none",),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "modalities": (["text"],),
}
_TOOL_CHARS = 20_000  # descriptions and schemas of all tools together
_NAME = r"^[A-Za-z0-9_-]{1,64}$"


def _plain_text(value: object) -> object:
    """Content parts become their text; anything but text is refused."""
    if not isinstance(value, list):
        return "" if value is None else value
    parts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in value]
    if not all(isinstance(part, str) for part in parts):
        raise ValueError("only text parts are read; images and sound are not")
    return "".join(str(part) for part in parts)


class CalledFunction(base.Body):
    name: str = Field(pattern=_NAME)
    arguments: str = Field("{}", max_length=_TOOL_CHARS)


class ToolCall(base.Body):
    """A call that an earlier answer asked for."""

    id: str = Field(max_length=64)
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(base.Body):
    """One turn. `developer` is read as `system`; what an assistant said may be calls alone."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[str, BeforeValidator(_plain_text)] | None = None
    name: str | None = Field(None, max_length=64)
    tool_calls: list[ToolCall] | None = Field(None, max_length=interface.MAX_TOOLS)
    tool_call_id: str | None = Field(None, max_length=64)
    refusal: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> "ChatMessage":
        if self.content is None and not (self.role == "assistant" and self.tool_calls):
            raise ValueError("content is missing")
        if (self.role == "tool") != (self.tool_call_id is not None):
            raise ValueError("tool_call_id goes with role tool")
        return self

    def as_message(self) -> interface.Message:
        role = "system" if self.role == "developer" else self.role
        message: dict[str, Any] = {"role": role, "content": self.content or ""}  # Any: a TypedDict in the making
        if self.tool_calls:
            message["tool_calls"] = [call.model_dump() for call in self.tool_calls]
        if self.tool_call_id is not None:
            message["tool_call_id"] = self.tool_call_id
        return message  # type: ignore[return-value]  # the roles above are those of Message, and `tool`


class Function(base.Body):
    name: str = Field(pattern=_NAME)
    description: str = Field("", max_length=4_000)
    parameters: dict[str, JsonValue] | None = None
    strict: base.Switch | None = None


class Tool(base.Body):
    type: Literal["function"]
    function: Function


class NamedFunction(base.Body):
    name: str = Field(pattern=_NAME)


class NamedTool(base.Body):
    type: Literal["function"]
    function: NamedFunction


class JsonSchema(base.Body):
    name: str = Field("answer", pattern=_NAME)
    description: str | None = Field(None, max_length=4_000)
    schema_: dict[str, JsonValue] = Field(alias="schema")
    strict: base.Switch | None = None


class ResponseFormat(base.Body):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _whole(self) -> "ResponseFormat":
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema goes with type json_schema")
        return self


class StreamOptions(base.Body):
    include_usage: base.Switch = False
    include_obfuscation: base.Switch = False


class ChatBody(base.Body):
    """`POST /v1/chat/completions`. `age_band` is ours: child and teen are protected both ways."""

    model: base.ModelName
    messages: list[ChatMessage] = Field(min_length=1, max_length=interface.MAX_MESSAGES)
    stream: base.Switch = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    stop: base.Stops | None = None
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    n: int | None = Field(None, ge=1, le=interface.MAX_CHOICES)
    logprobs: base.Switch | None = None
    top_logprobs: int | None = Field(None, ge=0, le=interface.MAX_TOP_LOGPROBS)
    response_format: ResponseFormat | None = None
    tools: list[Tool] | None = Field(None, max_length=interface.MAX_TOOLS)
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    parallel_tool_calls: base.Switch | None = None
    age_band: interface.Band | None = None

    @model_validator(mode="before")
    @classmethod
    def _neutral(cls, value: object) -> object:
        return base.drop_neutral(value, _NEUTRAL) if isinstance(value, dict) else value

    @field_validator("response_format")
    @classmethod
    def _bounded_schema(cls, value: ResponseFormat | None) -> ResponseFormat | None:
        if value and value.json_schema:
            schemas.check(value.json_schema.schema_)
        return value

    @field_validator("tools")
    @classmethod
    def _bounded_tools(cls, value: list[Tool] | None) -> list[Tool] | None:
        tools = value or []
        if len({tool.function.name for tool in tools}) < len(tools):
            raise ValueError("two tools have the same name")
        for tool in tools:
            schemas.check(tool.function.parameters or {})
        size = sum(len(tool.model_dump_json()) for tool in tools)
        if size > _TOOL_CHARS:
            raise ValueError(f"the tools have {size} characters, at most {_TOOL_CHARS} are read")
        return value

    def as_request(self, age_band: interface.Band | None = None) -> interface.ChatRequest:
        """What the gateway is asked. Raises Refused for fields that do not go together."""
        self._check_together()
        form = self.response_format
        return interface.ChatRequest(
            self.model,
            [message.as_message() for message in self.messages],
            max_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=0.7 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            stop=tuple(self.stop or ()),
            seed=self.seed,
            n=self.n or 1,
            logprobs=(self.top_logprobs or 0) if self.logprobs else None,
            json_schema=_schema(form) if form else None,
            tools=tuple(tool.model_dump(exclude_none=True) for tool in self.tools or ()),
            tool_choice=_plain(self.tool_choice) if self.tools else None,
            parallel_tool_calls=self.parallel_tool_calls,
            age_band=age_band,
        )

    def _check_together(self) -> None:
        base.require(self.stream_options, "stream_options", self.stream, 'goes only with "stream": true')
        base.require(self.top_logprobs, "top_logprobs", self.logprobs, 'goes only with "logprobs": true')
        base.require(self.parallel_tool_calls, "parallel_tool_calls", self.tools, "goes only with tools")
        chosen = None if self.tool_choice == "none" else self.tool_choice
        base.require(_plain(chosen), "tool_choice", self.tools, "goes only with tools")
        if isinstance(chosen, NamedTool) and (name := chosen.function.name) not in self._tool_names():
            known = ", ".join(self._tool_names())
            raise refusals.Refused(
                f"tool_choice is {name!r}: no tool is called so", param="tool_choice", fix=f"name one of {known}"
            )
        if self.tools and self.response_format and self.response_format.type != "text":
            raise refusals.Refused(
                f"response_format is {self.response_format.type!r}: it does not go with tools",
                param="response_format",
                fix="send one of them",
            )
        if None not in (both := (self.max_tokens, self.max_completion_tokens)) and len(set(both)) > 1:
            raise refusals.Refused(
                f"max_tokens is {self.max_tokens} and max_completion_tokens is {self.max_completion_tokens}",
                param="max_tokens",
                fix="send max_completion_tokens alone",
            )

    def _tool_names(self) -> list[str]:
        return [tool.function.name for tool in self.tools or ()]


def _schema(form: ResponseFormat) -> Mapping[str, object] | None:
    if form.json_schema:
        return dict(form.json_schema.schema_)
    return {"type": "object"} if form.type == "json_object" else None


def _plain(choice: str | NamedTool | None) -> str | Mapping[str, object] | None:
    return choice.model_dump() if isinstance(choice, NamedTool) else choice
