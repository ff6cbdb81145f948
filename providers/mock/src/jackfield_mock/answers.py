"""The events of a reply to each operation: as scripted, or where nothing is, as a willing model would give them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jackfield.call import Call
from jackfield.errors import BadRequestError, ConfigurationError, NotFoundError
from jackfield.http import write_json
from jackfield.operations import ChatRequest, CompleteRequest, EmbedRequest, ModelRequest, ModelsRequest, Prompt
from jackfield.types import (
    Embedded,
    Event,
    ForcedTool,
    JsonSchema,
    Message,
    ModelInfo,
    ModelListed,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
    UsageReported,
)

from .replies import Reply, ScriptedCall
from .rules import heard, last_turn, written
from .settings import MockSettings
from .speech import Manner, Speech, words
from .vectors import vector

__all__ = ["events"]


def events(call: Call[Any], reply: Reply | None, number: int, settings: MockSettings) -> list[Event]:
    """The events of a reply, the start aside. None is the reply that the mock gives of itself.

    Raises:
        ConfigurationError: the reply says what this operation has no place for, or nothing can be made that fits.
        BadRequestError: the request contradicts itself.
    """
    match call.request:
        case ChatRequest():
            return _chat(call, call.request, reply, number, settings)
        case CompleteRequest():
            return _complete(call, call.request, reply, number, settings)
    if reply is not None and (told := [*reply.told(), *(["choices"] if reply.choices else [])]):
        raise ConfigurationError(
            f"a reply to {call.operation.name!r} has no {told[0]}: the mock was told to give it one"
        )
    match call.request:
        case EmbedRequest():
            size = call.request.dimensions or settings.dimensions
            made: list[Event] = [Embedded(index, vector(one, size)) for index, one in enumerate(call.request.input)]
            usage = Usage(_tokens(call.request.input))
            return [*made, UsageReported(reply.usage if reply and reply.usage else usage)]
        case ModelsRequest():
            return [ModelListed(model) for model in _models(settings) or [ModelInfo(settings.default_model)]]
        case ModelRequest():
            return [ModelListed(_model(call.target.model, settings))]
    raise ConfigurationError(f"{call.operation.name}: the mock has no reply to a {type(call.request).__name__}")


def _chat(
    call: Call[Any], request: ChatRequest, reply: Reply | None, number: int, settings: MockSettings
) -> list[Event]:
    reply = _willing(request) if reply is None else reply
    likeliest = None if not (request.logprobs or request.top_logprobs) else request.top_logprobs or 0
    manner = Manner(
        settings.chunk if call.streaming else None,
        request.stop or (),
        request.max_output_tokens,
        likeliest,
        arguments=lambda name: _arguments(request, name),
        call=number,
    )
    speech = Speech(manner)
    choices = _choices(reply, request.n)
    said = [event for index, choice in enumerate(choices) for event in speech.choice(choice, index)]
    usage = reply.usage or Usage(
        sum(_words(message) for message in request.messages), speech.spoken, speech.thought or None
    )
    return [*said, UsageReported(usage)]


def _complete(
    call: Call[Any], request: CompleteRequest, reply: Reply | None, number: int, settings: MockSettings
) -> list[Event]:
    speech, said = Speech(Manner(None)), list[Event]()
    index = 0
    for prompt in request.prompt:
        ours = Reply(f'Hello! I am the mock provider: you said "{written(prompt)}".') if reply is None else reply
        chunk = settings.chunk if call.streaming else None
        before = written(prompt) if request.echo else ""
        speech.manner = Manner(
            chunk, request.stop or (), request.max_output_tokens, request.logprobs, before, call=number
        )
        for choice in _choices(ours, request.n or 1):
            if told := [name for name in choice.told() if name not in {"text", "pieces", "finish"}]:
                raise ConfigurationError(f"a reply to 'complete' has no {told[0]}: the mock was told to give it one")
            said += speech.choice(choice, index)
            index += 1
    usage = reply.usage if reply is not None else None
    return [*said, UsageReported(usage or Usage(_tokens((*request.prompt, request.suffix or "")), speech.spoken))]


def _choices(reply: Reply, wanted: int | None) -> list[Reply]:
    given = [Reply(one) if isinstance(one, str) else one for one in reply.choices] or [reply]
    count = len(given) if wanted is None else wanted
    return [given[min(index, len(given) - 1)] for index in range(count)]


def _willing(request: ChatRequest) -> Reply:
    """What a model answers that does as it is asked."""
    if (tool := _forced(request)) is not None:
        return Reply(tool_calls=[ScriptedCall(tool.name)])
    said = heard(request)
    turn = last_turn(request.messages)
    who = "the tool" if turn and turn[-1].role == "tool" else "you"
    told = f'Hello! I am the mock provider: {who} said "{said}".'
    match request.response_format:
        case JsonSchema(schema=schema, name=name):
            return Reply(write_json(_made(schema, f"the response format {name!r}")).decode())
        case "json":
            return Reply(write_json({"reply": told}).decode())
    return Reply(told)


def _forced(request: ChatRequest) -> Tool | None:
    """The tool that the request wants to be called.

    Raises:
        BadRequestError: it is not among those that are offered.
    """
    offered = [tool for tool in request.tools or () if isinstance(tool, Tool)]
    match request.tool_choice:
        case ForcedTool(name=name):
            for tool in offered:
                if tool.name == name:
                    return tool
            raise BadRequestError(f"tool_choice: no tool {name!r} is offered", status=400)
        case "required":
            if not offered:
                raise BadRequestError("tool_choice: a tool is required, and none is offered", status=400)
            return offered[0]
    return None


def _arguments(request: ChatRequest, name: str) -> Any:
    for tool in request.tools or ():
        if isinstance(tool, Tool) and tool.name == name and tool.parameters:
            return _made(tool.parameters, f"the parameters of the tool {name!r}")
    return {}


def _made(schema: Any, what: str) -> Any:
    from .making import instance  # only who asks for structure pays for it

    return instance(schema, what)


def _models(settings: MockSettings) -> list[ModelInfo]:
    return [ModelInfo(model) if isinstance(model, str) else model for model in settings.models]


def _model(name: str, settings: MockSettings) -> ModelInfo:
    models = _models(settings)
    for model in models or [ModelInfo(name)]:
        if model.id == name:
            return model
    raise NotFoundError(f"there is no model {name!r}", status=404)


def _words(message: Message) -> int:
    return sum(
        words(part.arguments if isinstance(part, ToolCall) else part.text)
        for part in message.parts
        if isinstance(part, Text | ToolCall | ToolResult)
    )


def _tokens(prompts: Iterable[Prompt]) -> int:
    return sum(words(prompt) if isinstance(prompt, str) else len(prompt) for prompt in prompts)
