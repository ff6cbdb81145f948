"""The mock provider: replies from a script, for tests and for trying things out. It never touches the network."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, get_args

from attrs import evolve, field, frozen

from jackfield.call import Call
from jackfield.errors import ConfigurationError
from jackfield.hooks import hookimpl
from jackfield.http import write_json
from jackfield.operations import CHAT, ChatRequest
from jackfield.provider import Provider, serves
from jackfield.types import (
    ChatEvent,
    Finish,
    Finished,
    FinishReason,
    Message,
    ReasoningDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)

__all__ = ["MockProvider", "MockSettings", "Reply", "Script"]


@frozen
class Reply:
    """One scripted reply.

    Attributes:
        text: what it says.
        reasoning: what it thought first.
        tool_calls: calls, each `{"name": ..., "arguments": {...}}` with an optional `id`.
        finish: why it ends; "tool_calls" where it has any, else "stop".
        delay: seconds before each of its events, the start aside; None is the provider's own.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: Sequence[Mapping[str, Any]] = ()
    finish: FinishReason | None = None
    delay: float | None = None


Script: TypeAlias = Sequence[ChatEvent | Exception | float]
"""A reply event by event: an exception is raised where it stands, a number is a pause in seconds."""


@frozen
class MockSettings:
    """Settings of `[providers.mock]`.

    Attributes:
        replies: given one after another, the last one for ever: text, a table of the fields of `Reply`, or from
            Python a `Reply` or a `Script`. With none, the mock says what it was told.
        chunk: characters in each piece of a streamed text.
        delay: seconds before each event of a reply that names no delay.
        default_model: what the mock's model is called where the request names none.
    """

    replies: Sequence[Any] = ()
    chunk: int = 8
    delay: float = 0.0
    default_model: str = "mock"


@frozen
class _Plan:
    events: Script
    delay: float = field(default=0.0)


class MockProvider(Provider):
    """Answers from a script.

    Raises:
        ConfigurationError: a reply of the script is none of the things that it may be.
    """

    def __init__(self, name: str, settings: MockSettings | None = None) -> None:
        """Take the script from the settings."""
        settings = settings or MockSettings()
        super().__init__(name, {"chat": settings.default_model})
        if settings.chunk < 1:
            raise ConfigurationError(f"providers.{name}.chunk: expected at least 1, got {settings.chunk}")
        self._settings = settings
        self._replies = [_read(reply, f"providers.{name}.replies[{i}]") for i, reply in enumerate(settings.replies)]
        self._turn = itertools.count()

    @serves(CHAT)
    async def chat(self, call: Call[ChatRequest]) -> AsyncGenerator[ChatEvent, None]:
        """Play the next reply."""
        turn = next(self._turn)
        plan = self._plan(call, turn)
        yield Start(id=f"mock-{turn + 1}", model=call.target.model)
        for item in plan.events:
            if isinstance(item, float | int):
                await call.runtime.sleep(item)
                continue
            if plan.delay:
                await call.runtime.sleep(plan.delay)
            if isinstance(item, Exception):
                raise item
            yield item

    def _plan(self, call: Call[ChatRequest], turn: int) -> _Plan:
        settings = self._settings
        messages = call.request.messages
        if not self._replies:
            said = next((message.text for message in reversed(messages) if message.role == "user"), "")
            reply: Reply | Script = Reply(f'Hello! I am the mock provider: you said "{said}".')
        else:
            reply = self._replies[min(turn, len(self._replies) - 1)]
        if not isinstance(reply, Reply):
            return _Plan(reply)
        size = settings.chunk if call.streaming else None
        events = [event for choice in range(call.request.n or 1) for event in _choice_events(reply, size, choice)]
        usage = Usage(_tokens(messages), (call.request.n or 1) * _words(reply.reasoning, reply.text))
        return _Plan([*events, UsageReported(usage)], settings.delay if reply.delay is None else reply.delay)


def _read(value: object, where: str) -> Reply | Script:
    if isinstance(value, Reply):
        return value
    if isinstance(value, str):
        return Reply(value)
    if isinstance(value, Mapping):
        known = {"text", "reasoning", "tool_calls", "finish", "delay"}
        if wrong := sorted(set(value) - known):
            raise ConfigurationError(f"{where}.{wrong[0]}: no such key; known: {', '.join(sorted(known))}")
        reply = Reply(**value)
        for name, kinds, what in (
            ("text", str, "text"),
            ("reasoning", str, "text"),
            ("delay", int | float | None, "seconds"),
        ):
            if not isinstance(found := getattr(reply, name), kinds):
                raise ConfigurationError(f"{where}.{name}: expected {what}, got {found!r}")
        if reply.finish is not None and reply.finish not in get_args(FinishReason):
            expected = ", ".join(get_args(FinishReason))
            raise ConfigurationError(f"{where}.finish: expected one of {expected}, got {reply.finish!r}")
        for call in reply.tool_calls:
            if not isinstance(call.get("name"), str):
                raise ConfigurationError(f"{where}.tool_calls: each needs a name, got {call!r}")
            if wrong := sorted(set(call) - {"id", "name", "arguments"}):
                raise ConfigurationError(f"{where}.tool_calls.{wrong[0]}: no such key; known: arguments, id, name")
        return reply
    if isinstance(value, Sequence) and all(isinstance(item, ChatEvent | Exception | float | int) for item in value):
        return value
    raise ConfigurationError(f"{where}: expected text, a table, a Reply or a list of events, got {value!r}")


def _choice_events(reply: Reply, size: int | None, choice: int) -> Iterable[ChatEvent]:
    for piece in _pieces(reply.reasoning, size):
        yield ReasoningDelta(piece, choice)
    for piece in _pieces(reply.text, size):
        yield TextDelta(piece, choice)
    for index, call in enumerate(reply.tool_calls):
        arguments = write_json(call.get("arguments", {})).decode()
        opening = ToolCallDelta(index, call.get("id", f"call-{index + 1}"), call["name"], choice=choice)
        if size is None:
            yield evolve(opening, arguments=arguments)
            continue
        yield opening
        for piece in _pieces(arguments, size):
            yield ToolCallDelta(index, arguments=piece, choice=choice)
    finish = reply.finish or ("tool_calls" if reply.tool_calls else "stop")
    yield Finished(Finish(finish, finish), choice)


def _pieces(text: str, size: int | None) -> Iterable[str]:
    if size is None:
        return [text] if text else []
    return (text[start : start + size] for start in range(0, len(text), size))


def _words(*texts: str) -> int:
    return sum(len(text.split()) for text in texts)


def _tokens(messages: Iterable[Message]) -> int:
    return _words(*(message.text for message in messages))


@hookimpl
def jackfield_settings() -> type[MockSettings]:
    """The class of the settings."""
    return MockSettings


@hookimpl
def jackfield_provider(name: str, settings: MockSettings) -> MockProvider:
    """A mock of this name."""
    return MockProvider(name, settings)
