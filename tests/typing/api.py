"""The types that a user sees. Nobody runs this file: mypy and pyright read it, both at their strictest."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any, Literal, assert_type

from attrs import field, frozen

import jackfield as jf
from jackfield.config import Config, NetworkOptions, load
from jackfield.errors import ContextLengthError
from jackfield.hooks import hookimpl
from jackfield.http import HttpRequest, HttpResponse
from jackfield.middleware import Middleware, Proceed, Stage
from jackfield.operations import CHAT, ChatRequest, ChatResponse, Choice, Operation, Request
from jackfield.provider import Endpoint, Exchange, HttpProvider, JsonReply, Provider, serves
from jackfield.runtime import Runtime, Signal
from jackfield.stream import AsyncStream, Stream, StreamState
from jackfield.testing import allow_requests, forbid_requests
from jackfield.types import ChatEvent, Event, Finished, Part, Role, Start, TextDelta, ToolCallDelta
from jackfield_logging import AttemptLog, Log, Sink, call_id, logged
from jackfield_openrouter import (
    ChatOptions,
    MaxPrice,
    ProviderPreferences,
    ProviderSort,
    ReasoningOptions,
    Served,
    served,
)
from jackfield_schema import arguments, json_schema, read_as, response_schema
from jackfield_testkit import Answer, FunctionNetwork, Simulation, Task

WEATHER = jf.Tool("get_weather", "The weather of a city", {"type": "object"})

# --- the runtime and the network ------------------------------------------------------------------------------


def answer(request: HttpRequest) -> HttpResponse:
    assert_type(request.origin, str)
    return HttpResponse(200)


async def answer_later(request: HttpRequest) -> HttpResponse:
    return answer(request)


def networks() -> None:
    jf.Client(transport=FunctionNetwork(answer), network={"proxy": "http://host:3128"})
    options = NetworkOptions(keep_alive=5, proxy=jf.Secret("http://host:3128"))
    jf.AsyncClient(transport=FunctionNetwork(answer_later), network=options)
    with forbid_requests(), allow_requests():
        pass
    simulation = Simulation([Answer(503), Answer(body="{}"), HttpResponse(200)], seed=1)
    client = simulation.client({"default": "mock"})
    assert_type(client, jf.AsyncClient)
    assert_type(simulation.run(client.chat("Hello")), ChatResponse)
    task = simulation.spawn(client.chat("Hello"))
    assert_type(task, Task[ChatResponse])
    assert_type(task.result(), ChatResponse)


async def within(call: jf.Call[ChatRequest]) -> None:
    runtime = call.runtime
    assert_type(await call.ask(ChatRequest(messages="Hello")), ChatResponse)
    signal = runtime.signal()
    assert_type(signal, Signal)
    assert_type(await runtime.wait(signal, 5), bool)
    assert_type(await runtime.run(len, "abc"), int)

    async def part(runtime: Runtime) -> str:
        await runtime.sleep(1)
        return "part"

    assert_type(await runtime.race(part, part), str)
    assert_type(call.scoped(lambda: nullcontext()), jf.Call[ChatRequest])


def recording(call: jf.Call[ChatRequest]) -> None:
    middleware = logged(sinks=["logging", Sink(kind="journal", path="calls.db")], content=["text"], hide=["pin"])
    assert_type(middleware, list[Log | AttemptLog])
    jf.Client(middleware=middleware)
    assert_type(call_id(call), str)
    for one in jf.Client().middleware:
        if isinstance(one, Log):
            assert_type(one.flush(), bool)
            assert_type(one.lost + one.pending, int)


# --- the blocking client --------------------------------------------------------------------------------------


def blocking() -> None:
    with jf.Client() as client:
        assert_type(client, jf.Client)
        assert_type(client.engine, str)
        assert_type(client.with_options(timeout=30, middleware=[], default="fast", unsupported="warn"), jf.Client)

        reply = client.chat("Hello", temperature=0, stop="end", tools=[WEATHER], timeout=5)
        assert_type(reply, ChatResponse)
        assert_type(reply.text, str)
        assert_type(reply.reasoning, str)
        assert_type(reply.refusal, str)
        assert_type(reply.model, str | None)
        assert_type(reply.finish, jf.Finish | None)
        assert_type(reply.usage, jf.Usage | None)
        assert_type(reply.message, jf.Message)
        assert_type(reply.choices, tuple[Choice, ...])
        assert_type(reply.tool_calls, tuple[jf.ToolCall, ...])
        assert_type(reply.tool_calls[0].parsed, dict[str, Any])
        assert_type(reply.message.parts, tuple[Part, ...])
        assert_type(reply.message.role, Role)

        with client.stream("Hello", n=2) as stream:
            assert_type(stream, Stream[ChatEvent, ChatResponse])
            assert_type(stream.text, Iterator[str])
            for event in stream:
                assert_type(event, ChatEvent)
                match event:
                    case TextDelta():
                        assert_type(event.text, str)
                    case ToolCallDelta():
                        assert_type(event.arguments, str)
                    case Finished():
                        assert_type(event.finish.raw, str | None)
                    case Start():
                        assert_type(event.id, str | None)
                    case _:
                        assert_type(event.raw, Any)
            assert_type(stream.state, StreamState)
            assert_type(stream.response, ChatResponse)


def messages(client: jf.Client) -> None:
    reply = client.chat({"role": "user", "content": "Hello"})
    result = jf.Message("tool", jf.ToolResult(reply.tool_calls[0].id, "sunny"))
    conversation = [jf.Message("user", "Hello"), reply.message, result]
    assert_type(client.chat(conversation), ChatResponse)
    request = jf.ChatRequest(messages=conversation, tool_choice=jf.ForcedTool("get_weather"), seed=1)
    assert_type(request, ChatRequest)
    assert_type(request.messages, tuple[jf.Message, ...])
    assert_type(request.stop, tuple[str, ...] | None)
    assert_type(client.chat(request), ChatResponse)
    assert_type(client.call(request), ChatResponse)
    assert_type(client.stream(request), Stream[ChatEvent, ChatResponse])


def configurations() -> None:
    jf.Client("jackfield.toml")
    jf.Client({"default": "mock"}, middleware=[Passing(), Counting()], plugins={"provider": {"acme": Plugin()}})
    assert_type(load(), Config)
    assert_type(load({"default": "mock"}).default, str | None)


def weather(city: str, *, days: int = 1) -> str:
    return f"{city} {days}"


def types(client: jf.Client, call: jf.ToolCall) -> None:
    client.chat("Hello", tools=[weather, jf.Tool.from_function(weather, strict=True)])
    assert_type(jf.Tool.from_function(weather), jf.Tool)
    assert_type(arguments(weather, call), dict[str, Any])
    assert_type(json_schema(list[int] | None, strict=True), dict[str, Any])
    assert_type(read_as({}, jf.Usage), jf.Usage)
    assert_type(read_as([], list[int]), list[int])
    assert_type(response_schema(jf.Usage), tuple[str, dict[str, Any], bool])
    read_as(None, int | None)


# --- the async client -----------------------------------------------------------------------------------------


async def awaiting() -> None:
    async with jf.AsyncClient() as client:
        assert_type(client, jf.AsyncClient)
        reply = await client.chat("Hello", max_output_tokens=10)
        assert_type(reply, ChatResponse)
        assert_type(await client.call(jf.ChatRequest(messages="Hello")), ChatResponse)
        async with client.stream("Hello") as stream:
            assert_type(stream, AsyncStream[ChatEvent, ChatResponse])
            assert_type(stream.text, AsyncIterator[str])
            async for event in stream:
                assert_type(event, ChatEvent)
            assert_type(stream.response, ChatResponse)


# --- errors ---------------------------------------------------------------------------------------------------


def failing(client: jf.Client) -> None:
    try:
        client.chat("Hello")
    except ContextLengthError as error:
        assert_type(error.status, int | None)
    except jf.JackfieldError as error:
        assert_type(error.message, str)
        assert_type(error.provider, str | None)
        assert_type(error.retryable, bool)
        assert_type(error.retry_after, float | None)
        assert_type(error.partial, Any)


# --- an operation of one's own --------------------------------------------------------------------------------


@frozen
class Length(Event):
    letters: int


class LengthFold:
    def __init__(self, request: object) -> None:
        self.letters: int | None = None

    def add(self, event: Length, /) -> None:
        self.letters = event.letters

    def response(self) -> int:
        return self.letters or 0

    def missing(self) -> str | None:
        return "nothing has arrived" if self.letters is None else None


LENGTH: Operation[Length, int] = Operation("length", LengthFold)


@frozen(kw_only=True)
class LengthRequest(Request[Length, int]):
    operation = LENGTH

    text: str
    model: str | None = None
    options: Mapping[str, Mapping[str, Any]] = field(factory=dict[str, Mapping[str, Any]])


def own_operation(client: jf.Client) -> None:
    request = LengthRequest(text="Hello")
    assert_type(client.call(request), int)
    assert_type(client.stream(request), Stream[Length, int])


async def own_operation_awaited(client: jf.AsyncClient) -> None:
    assert_type(await client.call(LengthRequest(text="Hello")), int)
    assert_type(client.stream(LengthRequest(text="Hello")), AsyncStream[Length, int])


# --- middleware -----------------------------------------------------------------------------------------------


class Passing:
    slot = jf.Slot.OBSERVE

    async def __call__(self, call: jf.Call[Any], proceed: Proceed) -> AsyncGenerator[Event, None]:
        assert_type(call.target, jf.Target)
        assert_type(call.target.model, str)
        assert_type(call.runtime, Runtime)
        assert_type(call.deadline, float | None)
        assert_type(call.timeouts, jf.Timeouts)
        assert_type(call.evolve(alias=None), jf.Call[Any])
        assert_type(proceed(call), Stage)
        await call.runtime.sleep(0.1)
        assert_type(await call.runtime.run(len, "word"), int)
        async for event in proceed(call):
            assert_type(event, Event)
            yield event


class Counting:
    """One that serves a single kind of request may say so."""

    slot: Literal[jf.Slot.ATTEMPT] = jf.Slot.ATTEMPT

    async def __call__(self, call: jf.Call[ChatRequest], proceed: Proceed) -> AsyncGenerator[Event, None]:
        assert_type(call.request, ChatRequest)
        async for event in proceed(call):
            yield event


def is_middleware(one: Passing) -> Middleware:
    return one


# --- a provider -----------------------------------------------------------------------------------------------


@frozen
class AcmeSettings:
    api_key: jf.Secret | None = None
    base_url: str = "https://api.acme.example/v1"


class Acme(HttpProvider):
    @serves(CHAT)
    def chat(self, call: jf.Call[ChatRequest]) -> Exchange[ChatEvent]:
        head = yield self.post("/say", {"text": call.request.messages[-1].text})
        assert_type(head, HttpResponse)
        assert_type(head.status, int)
        return JsonReply(head, self.read)

    def read(self, payload: Any) -> Iterable[ChatEvent]:
        yield TextDelta(payload["said"], raw=payload)
        yield Finished(jf.Finish("stop", None))


class Local(Provider):
    @serves(CHAT)
    async def chat(self, call: jf.Call[ChatRequest]) -> AsyncGenerator[ChatEvent, None]:
        assert_type(call.request.messages, tuple[jf.Message, ...])
        yield TextDelta("Hello")
        yield Finished(jf.Finish("stop", None))


class Plugin:
    @hookimpl
    def jackfield_settings(self) -> type[AcmeSettings]:
        return AcmeSettings

    @hookimpl
    def jackfield_provider(self, name: str, settings: AcmeSettings) -> Provider:
        provider = Acme(name, Endpoint.parse(settings.base_url), {CHAT.name: "acme-1"})
        assert_type(provider.operations, frozenset[str])
        return provider


# --- what a request says to OpenRouter alone, and how a reply was served ------------------------------------------


def routed(client: jf.Client) -> str | None:
    options = ChatOptions(
        models=("a/b",),
        provider=ProviderPreferences(sort=ProviderSort(by="price"), max_price=MaxPrice(prompt=1), only=("azure",)),
        reasoning=ReasoningOptions(exclude=True),
        modalities=("text",),
        min_p=0.1,
    )
    how = served(client.chat("x", options=options.as_options()))
    assert_type(how, Served)
    assert_type(how.upstream_cost, float | None)
    return how.provider
