"""What the providers of OpenAI-like services share: settings, and the exchanges of chats and the rest."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from typing import Any, ClassVar, Final, Literal

from attrs import evolve, field, frozen

from jackfield.call import Call
from jackfield.errors import BadRequestError, ConfigurationError, JackfieldError
from jackfield.http import HttpRequest, HttpResponse
from jackfield.operations import (
    CHAT,
    COMPLETE,
    EMBED,
    MODEL,
    MODELS,
    ChatRequest,
    CompleteRequest,
    EmbedRequest,
    ModelRequest,
    ModelsRequest,
)
from jackfield.provider import Credential, Endpoint, Exchange, HttpProvider, JsonReply, Secret, serves
from jackfield.types import ChatEvent, CompleteEvent, EmbedEvent, ModelsEvent

from .chat_replies import ChatReader
from .completions import CompletionReader, completion_body
from .destination import Destination
from .embedding_parts import ask_in_parts, parts_of
from .embeddings import EmbeddingReader, embedding_body
from .errors import read_error
from .models import ModelsReader, model_path
from .profiles import ModelRule, Profile, api_for, profile_of, rule_for
from .requests import chat_body
from .responses.exchange import responses_exchange
from .streams import decoder

__all__ = ["WireProvider", "WireSettings"]

# headers that the connection sets, or that decide how the reply is read
OWN_HEADERS: Final = ("host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding")
API: Final = "api"  # an option of ours: the wire of a chat
RESPONSES: Final = "responses"
APIS: Final = ("chat", RESPONSES)
NO_BODY: Final = "the request has no body"
WITH_MODELS: Final = (CHAT.name, COMPLETE.name, EMBED.name)


@frozen
class WireSettings:
    """Settings that the providers of OpenAI-like services share.

    Attributes:
        api_key: the key; a server on this machine may do without.
        base_url: where the API is, up to and without `/chat/completions`.
        default_model: the model of a chat where none is named.
        default_models: the same by operation: `chat`, `complete`, `embed`.
        headers: further headers of each request.
        profile: what the host takes, where that differs from what is known of it.
        models: what models take and refuse; these rules count before those that are known.
        api: the API that chats go over: "chat", or "responses" for the newer one. Unless set, it is the older one, but
            for models that are known to answer over the newer one alone.
    """

    api_key: Secret | None = None
    base_url: str = ""
    default_model: str | None = None
    default_models: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    profile: Profile | None = None
    models: tuple[ModelRule, ...] = ()
    api: Literal["chat", "responses"] | None = field(default=None, kw_only=True)


class WireProvider(HttpProvider):
    """Chats, completions, embeddings and models, as OpenAI's API description (version 2.3.0) has them.

    Attributes:
        plugin: the name under which the options of requests stand.
        variable: the variable that holds the key.
        home: the base URL of the service itself.
        needs_key: whether the service itself is not called without a key.
        host: the host whose ways it has wherever it is; None where each host has its own.
        known_models: the model to use where none is named, by operation.
        models_at: the same at hosts with names of their own.
        header_settings: the headers that settings of their own fill, by setting.
        models_path: the path of the list of models.
        at_home: whether this instance calls the service itself.
    """

    plugin: ClassVar[str]
    variable: ClassVar[str]
    home: ClassVar[str]
    needs_key: ClassVar[bool] = True
    host: ClassVar[str | None] = None
    known_models: ClassVar[Mapping[str, str]]
    models_at: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    header_settings: ClassVar[Mapping[str, str]] = {}
    models_path: ClassVar[str] = "/models"

    def __init__(self, name: str, settings: WireSettings) -> None:
        """Make an instance of this name.

        Raises:
            ConfigurationError: a setting is wrong, or the service itself is to be called without a key.
        """
        credential = self.credential(settings)
        headers = self._headers(name, settings, own=credential)
        endpoint = Endpoint.parse(settings.base_url, credential, headers, name=f"providers.{name}.base_url")
        self.at_home = self.is_home(endpoint)
        if self.at_home and self.needs_key and credential is None:
            raise ConfigurationError(
                f"providers.{name}.api_key: missing; set it, or {self.variable} in the environment"
            )
        super().__init__(name, endpoint, self._default_models(name, settings, endpoint.host))
        self.profile = profile_of(self.host or endpoint.host, settings.profile)
        self._rules = settings.models
        self._api = settings.api

    def credential(self, settings: Any) -> Credential | None:
        """What opens the service: the key, where there is one."""
        key: Secret | None = settings.api_key
        return None if key is None else Credential(key)

    def is_home(self, endpoint: Endpoint) -> bool:
        """Whether this is where the service itself is."""
        return endpoint.origin == Endpoint.parse(self.home).origin

    @serves(CHAT)
    def chat(self, call: Call[ChatRequest]) -> Exchange[ChatEvent]:
        """POST /chat/completions, or POST /responses, streamed or not."""
        api, to = self.api_of((yield from self.prepared(call)))
        if api == RESPONSES:
            return (yield from responses_exchange(self, to))
        body = chat_body(to, stream=call.streaming)
        accept = "text/event-stream" if call.streaming else "application/json"
        head = yield self.post("/chat/completions", body, accept=accept)
        needs_done = bool(self.profile.needs_done)
        return decoder(head, ChatReader(head), streaming=call.streaming, needs_done=needs_done)

    @serves(COMPLETE)
    def complete(self, call: Call[CompleteRequest]) -> Exchange[CompleteEvent]:
        """POST /completions, streamed or not."""
        body = completion_body((yield from self.prepared(call)), stream=call.streaming)
        accept = "text/event-stream" if call.streaming else "application/json"
        head = yield self.post("/completions", body, accept=accept)
        needs_done = bool(self.profile.needs_done)
        return decoder(head, CompletionReader(head), streaming=call.streaming, needs_done=needs_done)

    @serves(EMBED)
    def embed(self, call: Call[EmbedRequest]) -> Exchange[EmbedEvent] | AsyncGenerator[EmbedEvent, None]:
        """POST /embeddings; several times, as calls of their own, where the inputs are too many for one request."""
        parts = parts_of(call.request.input, self.profile)
        return self._embed(call) if len(parts) == 1 else ask_in_parts(call, parts)

    def _embed(self, call: Call[EmbedRequest]) -> Exchange[EmbedEvent]:
        request = call.request
        head = yield self.post("/embeddings", embedding_body((yield from self.prepared(call))))
        return JsonReply(head, EmbeddingReader(head, len(request.input), request.dimensions).whole)

    @serves(MODELS)
    def models(self, call: Call[ModelsRequest]) -> Exchange[ModelsEvent]:
        """GET /models."""
        self.report_all(call)
        head = yield self.get(self.models_path)
        return JsonReply(head, ModelsReader(head).list)

    @serves(MODEL)
    def model(self, call: Call[ModelRequest]) -> Exchange[ModelsEvent]:
        """GET /models/{model}, or wherever the service has it."""
        self.report_all(call)
        head = yield self.get(self.model_path(call.target.model))
        return JsonReply(head, ModelsReader(head).one)

    def model_path(self, model: str) -> str:
        """The path of one model."""
        return model_path(model)

    def api_of(self, to: Destination) -> tuple[str, Destination]:
        """The API that a chat goes over, and its destination without the option that says so.

        Raises:
            BadRequestError: the option is wrong.
        """
        if (asked := to.options.get(API)) is None:
            set_ = (to.rule and to.rule.api) or self._api
            return set_ or api_for(self.host or self.endpoint.host, to.call.target.model) or APIS[0], to
        if asked not in APIS:
            raise BadRequestError(f"options.{to.plugin}.{API}: expected one of {', '.join(APIS)}, got {asked!r}")
        return asked, evolve(to, options={key: value for key, value in to.options.items() if key != API})

    def report_all(self, call: Call[Any], *taken: str) -> None:
        """Report every field of a request without a body, beside those taken, and every option of our own."""
        fields = self.fields(call)
        for name in taken:
            fields.take(name)
        fields.report_rest(NO_BODY)
        for name in call.request.options.get(self.plugin, {}):
            call.report(f"options.{self.plugin}.{name}", NO_BODY)

    def prepared(self, call: Call[Any]) -> Generator[HttpRequest, HttpResponse, Destination]:
        """The destination of a call; a subclass may first ask the service what it takes."""
        yield from ()
        return self.destination(call)

    def destination(self, call: Call[Any]) -> Destination:
        """A call, and what is known of the host and the model that it goes to."""
        rule = rule_for(self.host or self.endpoint.host, call.target.model, self._rules)
        return Destination(call, self.fields(call), self.profile, rule, self.plugin)

    def error(self, response: HttpResponse) -> JackfieldError:
        """The error for a reply that is not 2xx."""
        return read_error(response)

    def _default_models(self, name: str, settings: WireSettings, host: str) -> dict[str, str]:
        given = dict(settings.default_models or {})
        where = f"providers.{name}.default_models"
        known = dict.fromkeys((*WITH_MODELS, *self.known_models))
        for operation, model in given.items():
            if operation not in known:
                raise ConfigurationError(f"{where}.{operation}: expected one of {', '.join(known)}")
            if not model:
                raise ConfigurationError(f"{where}.{operation}: expected the name of a model, got an empty one")
        if settings.default_model:
            if CHAT.name in given:
                raise ConfigurationError(f"{where}.{CHAT.name}: set already, as providers.{name}.default_model")
            given[CHAT.name] = settings.default_model
        models = {**self.models_at.get(host, self.known_models), **given}
        return {**models, MODEL.name: models[CHAT.name]} if CHAT.name in models else models

    def _headers(self, name: str, settings: WireSettings, own: Credential | None) -> dict[str, str]:
        where = f"providers.{name}"
        taken = OWN_HEADERS if own is None else (*OWN_HEADERS, own.header)
        named = {f"headers.{header}": (header, text) for header, text in (settings.headers or {}).items()}
        for key, header in self.header_settings.items():
            if value := getattr(settings, key):
                named[key] = header, value if isinstance(value, str) else ",".join(value)
        for key, (header, text) in named.items():
            # no value is quoted: it may be a secret
            if not header or not all("!" <= char <= "~" and char != ":" for char in header):
                raise ConfigurationError(f"{where}.{key}: this is no name of a header")
            if header.lower() in taken:
                raise ConfigurationError(f"{where}.{key}: this header is set by the connection or the credential")
            if not all(" " <= char <= "~" or char == "\t" for char in text):
                raise ConfigurationError(f"{where}.{key}: the value has characters that no header can carry")
        return dict(named.values())
