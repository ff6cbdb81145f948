"""The provider itself: settings, and the exchanges of chats, completions, embeddings and models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from jackfield.call import Call
from jackfield.errors import ConfigurationError, JackfieldError
from jackfield.http import HttpResponse
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
from jackfield_wire_openai.chat_replies import ChatReader
from jackfield_wire_openai.completions import CompletionReader, completion_body
from jackfield_wire_openai.destination import Destination
from jackfield_wire_openai.embeddings import EmbeddingReader, embedding_body
from jackfield_wire_openai.errors import read_error
from jackfield_wire_openai.models import ModelsReader, model_path
from jackfield_wire_openai.profiles import ModelRule, Profile, profile_of, rule_for
from jackfield_wire_openai.requests import chat_body
from jackfield_wire_openai.streams import decoder

__all__ = ["OpenAIProvider", "OpenAISettings"]

BASE_URL: Final = "https://api.openai.com/v1"
DEFAULT_MODELS: Final = {
    CHAT.name: "gpt-4.1-mini",
    COMPLETE.name: "gpt-3.5-turbo-instruct",
    EMBED.name: "text-embedding-3-small",
}
# hosts on which OpenAI's own names of models mean nothing
HOSTS: Final[Mapping[str, Mapping[str, str]]] = {
    "openrouter.ai": {
        CHAT.name: "openrouter/auto",
        COMPLETE.name: "openai/gpt-3.5-turbo-instruct",
        EMBED.name: "openai/text-embedding-3-small",
    }
}
# headers that the connection sets, or that decide how the reply is read
OWN_HEADERS: Final = ("host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding")
NO_BODY: Final = "the request has no body"


@frozen
class OpenAISettings:
    """Settings of `[providers.openai]`, or of any instance with `plugin = "openai"`.

    Attributes:
        api_key: the key; a server on this machine may do without.
        base_url: where the API is, up to and without `/chat/completions`.
        default_model: the model of a chat where none is named.
        default_models: the same by operation: `chat`, `complete`, `embed`.
        organization: the organization that is charged, where the key serves several.
        project: the project that is charged, where the key serves several.
        headers: further headers of each request.
        stream_usage: whether to ask for usage at the end of a stream; a few servers refuse the question.
        profile: what the host takes, where that differs from what is known of it.
        models: what models take and refuse; these rules count before those that are known.
    """

    api_key: Secret | None = None
    base_url: str = BASE_URL
    default_model: str | None = None
    default_models: Mapping[str, str] | None = None
    organization: str | None = field(default=None, metadata={"env": "OPENAI_ORG_ID"})
    project: str | None = field(default=None, metadata={"env": "OPENAI_PROJECT_ID"})
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    stream_usage: bool = True
    profile: Profile | None = None
    models: tuple[ModelRule, ...] = ()


class OpenAIProvider(HttpProvider):
    """Chats, completions, embeddings and models, as OpenAI's API description (version 2.3.0) has them.

    Raises:
        ConfigurationError: the base URL is not one, or OpenAI itself is to be called without a key.
    """

    def __init__(self, name: str, settings: OpenAISettings) -> None:
        """Make an instance of this name."""
        credential = Credential(settings.api_key) if settings.api_key is not None else None
        headers = _headers(name, settings, own=credential)
        endpoint = Endpoint.parse(settings.base_url, credential, headers, name=f"providers.{name}.base_url")
        if endpoint.origin == Endpoint.parse(BASE_URL).origin and credential is None:
            raise ConfigurationError(f"providers.{name}.api_key: missing; set it, or OPENAI_API_KEY in the environment")
        super().__init__(name, endpoint, _default_models(name, settings, endpoint.host))
        own = settings.profile or Profile()
        self.profile = profile_of(
            endpoint.host, own if settings.stream_usage else Profile(stream_usage=False).over(own)
        )
        self._rules = settings.models

    @serves(CHAT)
    def chat(self, call: Call[ChatRequest]) -> Exchange[ChatEvent]:
        """POST /chat/completions, streamed or not."""
        body = chat_body(self.destination(call), stream=call.streaming)
        accept = "text/event-stream" if call.streaming else "application/json"
        head = yield self.post("/chat/completions", body, accept=accept)
        needs_done = bool(self.profile.needs_done)
        return decoder(head, ChatReader(head), streaming=call.streaming, needs_done=needs_done)

    @serves(COMPLETE)
    def complete(self, call: Call[CompleteRequest]) -> Exchange[CompleteEvent]:
        """POST /completions, streamed or not."""
        body = completion_body(self.destination(call), stream=call.streaming)
        accept = "text/event-stream" if call.streaming else "application/json"
        head = yield self.post("/completions", body, accept=accept)
        needs_done = bool(self.profile.needs_done)
        return decoder(head, CompletionReader(head), streaming=call.streaming, needs_done=needs_done)

    @serves(EMBED)
    def embed(self, call: Call[EmbedRequest]) -> Exchange[EmbedEvent]:
        """POST /embeddings."""
        request = call.request
        head = yield self.post("/embeddings", embedding_body(self.destination(call)))
        return JsonReply(head, EmbeddingReader(head, len(request.input), request.dimensions).whole)

    @serves(MODELS)
    def models(self, call: Call[ModelsRequest]) -> Exchange[ModelsEvent]:
        """GET /models."""
        self.fields(call).report_rest(NO_BODY)
        head = yield self.get("/models")
        return JsonReply(head, ModelsReader(head).list)

    @serves(MODEL)
    def model(self, call: Call[ModelRequest]) -> Exchange[ModelsEvent]:
        """GET /models/{model}."""
        self.fields(call).report_rest(NO_BODY)
        head = yield self.get(model_path(call.target.model))
        return JsonReply(head, ModelsReader(head).one)

    def destination(self, call: Call[Any]) -> Destination:
        """A call, and what is known of the host and the model that it goes to."""
        rule = rule_for(self.endpoint.host, call.target.model, self._rules)
        return Destination(call, self.fields(call), self.profile, rule)

    def error(self, response: HttpResponse) -> JackfieldError:
        """The error for a reply that is not 2xx."""
        return read_error(response)


def _default_models(name: str, settings: OpenAISettings, host: str) -> dict[str, str]:
    given = dict(settings.default_models or {})
    where = f"providers.{name}.default_models"
    for operation, model in given.items():
        if operation not in DEFAULT_MODELS:
            raise ConfigurationError(f"{where}.{operation}: expected one of {', '.join(DEFAULT_MODELS)}")
        if not model:
            raise ConfigurationError(f"{where}.{operation}: expected the name of a model, got an empty one")
    if settings.default_model:
        if CHAT.name in given:
            raise ConfigurationError(f"{where}.{CHAT.name}: set already, as providers.{name}.default_model")
        given[CHAT.name] = settings.default_model
    models = {**HOSTS.get(host, DEFAULT_MODELS), **given}
    return {**models, MODEL.name: models[CHAT.name]}


def _headers(name: str, settings: OpenAISettings, own: Credential | None) -> dict[str, str]:
    where = f"providers.{name}"
    taken = OWN_HEADERS if own is None else (*OWN_HEADERS, own.header)
    named = {f"headers.{header}": (header, text) for header, text in (settings.headers or {}).items()}
    for key, header in (("organization", "OpenAI-Organization"), ("project", "OpenAI-Project")):
        if text := getattr(settings, key):
            named[key] = header, text
    for key, (header, text) in named.items():
        # no value is quoted: it may be a secret
        if not header or not all("!" <= char <= "~" and char != ":" for char in header):
            raise ConfigurationError(f"{where}.{key}: this is no name of a header")
        if header.lower() in taken:
            raise ConfigurationError(f"{where}.{key}: this header is set by the connection or the credential")
        if not all(" " <= char <= "~" or char == "\t" for char in text):
            raise ConfigurationError(f"{where}.{key}: the value has characters that no header can carry")
    return dict(named.values())
