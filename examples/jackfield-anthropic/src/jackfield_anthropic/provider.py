"""The provider: how chats, and questions for models, are asked of the Messages API."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from attrs import evolve

from jackfield.call import Call
from jackfield.errors import JackfieldError
from jackfield.http import HttpRequest, HttpResponse
from jackfield.operations import CHAT, MODEL, MODELS, ChatRequest, ModelRequest, ModelsRequest
from jackfield.provider import Exchange, HttpProvider, JsonReply, serves
from jackfield.types import ChatEvent, ModelsEvent

from .errors import read_error
from .models import Pages, model_path, read_model
from .requests import chat_body
from .settings import AnthropicSettings, Outgoing, endpoint_of
from .streams import decoder

__all__ = ["AnthropicProvider"]

NO_BODY: Final = "the request has no body"


class AnthropicProvider(HttpProvider):
    """Chats and models at Anthropic, or at any server that speaks its Messages API."""

    keeps_alive = True  # pings come while the model thinks

    def __init__(self, name: str, settings: AnthropicSettings) -> None:
        """Make an instance of this name.

        Raises:
            ConfigurationError: a setting is wrong, or Anthropic itself is to be called without a key.
        """
        model = settings.default_model
        super().__init__(name, endpoint_of(name, settings), {CHAT.name: model, MODEL.name: model})
        self.settings = settings

    @serves(CHAT)
    def chat(self, call: Call[ChatRequest]) -> Exchange[ChatEvent]:
        """POST /v1/messages, streamed or not."""
        to = self._outgoing(call)
        accept = "text/event-stream" if call.streaming else "application/json"
        request = self.post("/v1/messages", chat_body(to, stream=call.streaming), accept=accept)
        head = yield _with_beta(request, to)
        return decoder(head, streaming=call.streaming)

    @serves(MODELS)
    def models(self, call: Call[ModelsRequest]) -> Exchange[ModelsEvent]:
        """GET /v1/models, page by page."""
        to, pages = self._outgoing(call), Pages()
        to.report_all(NO_BODY)
        while pages.take((yield evolve(_with_beta(self.get(pages.path), to), read=True))):
            pass
        return pages

    @serves(MODEL)
    def model(self, call: Call[ModelRequest]) -> Exchange[ModelsEvent]:
        """GET /v1/models/{model}."""
        to = self._outgoing(call)
        to.report_all(NO_BODY)
        head = yield _with_beta(self.get(model_path(call.target.model)), to)
        return JsonReply(head, partial(read_model, head=head))

    def error(self, response: HttpResponse) -> JackfieldError:
        """The error for a reply that is not 2xx."""
        return read_error(response)

    def _outgoing(self, call: Call[Any]) -> Outgoing:
        return Outgoing(call, self.fields(call), self.settings)


def _with_beta(request: HttpRequest, to: Outgoing) -> HttpRequest:
    return evolve(request, headers={**request.headers, **to.beta_header()})
