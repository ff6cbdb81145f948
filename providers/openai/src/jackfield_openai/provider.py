"""The provider itself: settings, and the exchange of a chat."""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen

from jackfield.call import Call
from jackfield.errors import ConfigurationError, JackfieldError
from jackfield.http import HttpResponse
from jackfield.operations import CHAT, ChatRequest
from jackfield.provider import Credential, Endpoint, Exchange, HttpProvider, JsonReply, Secret, serves
from jackfield.types import ChatEvent
from jackfield_wire_openai.errors import read_error
from jackfield_wire_openai.replies import ChatReader, ChatStream
from jackfield_wire_openai.requests import chat_body

__all__ = ["OpenAIProvider", "OpenAISettings"]

BASE_URL: Final = "https://api.openai.com/v1"
DEFAULT_MODEL: Final = "gpt-4.1-mini"
# hosts on which OpenAI's own names of models mean nothing
DEFAULT_MODELS: Final = {"openrouter.ai": "openrouter/auto"}


@frozen
class OpenAISettings:
    """Settings of `[providers.openai]`, or of any instance with `plugin = "openai"`.

    Attributes:
        api_key: the key; a server on this machine may do without.
        base_url: where the API is, up to and without `/chat/completions`.
        default_model: the model where none is named.
        stream_usage: whether to ask for usage at the end of a stream; a few servers refuse the question.
    """

    api_key: Secret | None = None
    base_url: str = BASE_URL
    default_model: str | None = None
    stream_usage: bool = True


class OpenAIProvider(HttpProvider):
    """Chat completions, as OpenAI's API description (version 2.3.0) has them.

    Raises:
        ConfigurationError: the base URL is not one, or OpenAI itself is to be called without a key.
    """

    def __init__(self, name: str, settings: OpenAISettings) -> None:
        """Make an instance of this name."""
        credential = Credential(settings.api_key) if settings.api_key is not None else None
        endpoint = Endpoint.parse(settings.base_url, credential, name=f"providers.{name}.base_url")
        self._official = endpoint.origin == Endpoint.parse(BASE_URL).origin
        if self._official and credential is None:
            raise ConfigurationError(f"providers.{name}.api_key: missing; set it, or OPENAI_API_KEY in the environment")
        model = settings.default_model or DEFAULT_MODELS.get(endpoint.host, DEFAULT_MODEL)
        super().__init__(name, endpoint, {CHAT.name: model})
        usage = {"stream_options": {"include_usage": True}} if settings.stream_usage else {}
        self._stream: dict[str, Any] = {"stream": True, **usage}

    @serves(CHAT)
    def chat(self, call: Call[ChatRequest]) -> Exchange[ChatEvent]:
        """POST /chat/completions, streamed or not."""
        stream = self._stream if call.streaming else {}
        body = chat_body(call.request, call.target.model, official=self._official, stream=stream)
        accept = "text/event-stream" if call.streaming else "application/json"
        head = yield self.post("/chat/completions", body, accept=accept)
        # some servers stream when they were not asked to, and the other way round: what came decides
        streamed = {"text/event-stream": True, "application/json": False}.get(head.content_type, call.streaming)
        if streamed:
            return ChatStream(head)
        return JsonReply(head, ChatReader(head).whole)

    def error(self, response: HttpResponse) -> JackfieldError:
        """The error for a reply that is not 2xx."""
        return read_error(response)
