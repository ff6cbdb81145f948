"""The provider itself: its settings, and what OpenRouter has beside what OpenAI-like services share."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import Any, ClassVar, Final

from attrs import evolve, frozen

from jackfield.call import Call
from jackfield.http import HttpRequest, HttpResponse
from jackfield.operations import CHAT, COMPLETE, EMBED, ChatRequest, CompleteRequest, Notice
from jackfield_wire_openai.destination import Destination
from jackfield_wire_openai.models import part_of_path
from jackfield_wire_openai.profiles import ModelRule, Profile, rule_for
from jackfield_wire_openai.provider import WireSettings

from .capabilities import Capabilities, demands, heed, shows, within_reach
from .options import ChatOptions, CompleteOptions, EmbedOptions, read_options
from .told import AccountExchanges

__all__ = ["OpenRouterProvider", "OpenRouterSettings"]

BASE_URL: Final = "https://openrouter.ai/api/v1"
# a model's name ends where a variant of it, or a preset, begins: "openai/o1:nitro", "openai/o1@preset/brief"
NAME_ENDS: Final = re.compile("[:@]")
OPENAI: Final = "openai/"
OPENAI_HOST: Final = "api.openai.com"
# whatever it is asked for, one choice comes; a mark of a turn is not looked at, and one of a part is
OWN: Final = Profile(choices=False, cache_turns=False)
OPTIONS: Final[Mapping[str, type[ChatOptions | CompleteOptions | EmbedOptions]]] = {
    CHAT.name: ChatOptions,
    COMPLETE.name: CompleteOptions,
    EMBED.name: EmbedOptions,
}


@frozen
class OpenRouterSettings(WireSettings):
    """Settings of `[providers.openrouter]`, or of any instance with `plugin = "openrouter"`.

    Attributes:
        api_key: the key.
        base_url: where the API is, up to and without `/chat/completions`.
        default_model: the model of a chat where none is named.
        default_models: the same by operation: `chat`, `complete`, `embed`.
        check_models: whether to look, once an hour and only for requests that need it, at the list of models, and to
            report what the model does not support; OpenRouter leaves that out in silence. Unless set, it is done at
            openrouter.ai, and nowhere else.
        referer: the address of your application, under which OpenRouter counts its use; none is sent unless set.
        title: the name of your application; none is sent unless set.
        categories: the categories under which your application is listed; none is sent unless set.
        headers: further headers of each request.
        profile: what the host takes, where that differs from what is known of it.
        models: what models take and refuse; these rules count before those that are known.
        api: the API that chats go over: "chat", or "responses" for the newer one.
    """

    base_url: str = BASE_URL
    check_models: bool | None = None
    referer: str | None = None
    title: str | None = None
    categories: tuple[str, ...] = ()


class OpenRouterProvider(AccountExchanges):
    """Chats, completions, embeddings and models at OpenRouter, as its API description of August 2026 has them.

    Raises:
        ConfigurationError: the base URL is not one, or OpenRouter itself is to be called without a key.
    """

    plugin = "openrouter"
    variable = "OPENROUTER_API_KEY"
    home = BASE_URL
    host = "openrouter.ai"
    keeps_alive = True  # by comments in a stream, while a provider is looked for, or a model thinks
    known_models: ClassVar[Mapping[str, str]] = {
        CHAT.name: "openrouter/auto",
        COMPLETE.name: "openai/gpt-3.5-turbo-instruct",
        EMBED.name: "openai/text-embedding-3-small",
    }
    header_settings: ClassVar[Mapping[str, str]] = {
        "referer": "HTTP-Referer",
        "title": "X-OpenRouter-Title",
        "categories": "X-OpenRouter-Categories",
    }

    def __init__(self, name: str, settings: OpenRouterSettings) -> None:
        """Make an instance of this name."""
        super().__init__(name, settings)
        self.profile = (settings.profile or Profile()).over(OWN.over(self.profile))
        check = self.at_home if settings.check_models is None else settings.check_models
        self._capabilities = Capabilities() if check else None

    def prepared(self, call: Call[Any]) -> Generator[HttpRequest, HttpResponse, Destination]:
        """The destination of a call, without what its model does not support, which is reported.

        Raises:
            UnsupportedError: there is such a thing, and the caller does not allow that it is left out.
        """
        to, known, request = self.destination(call), self._capabilities, call.request
        # without a runtime there is no clock, by which to keep what was learned
        if known is None or not isinstance(request, ChatRequest | CompleteRequest) or call.runtime is None:
            return to
        wanted = demands(request, to.options)
        seen = isinstance(request, ChatRequest) and shows(request.messages)
        if not (wanted or seen or to.options.get("modalities")):
            return to
        offer = yield from known.of(call, self.get("/models"))
        if offer is None:
            return to
        if seen:
            reached = within_reach(call, offer)
            to = evolve(to, call=reached, fields=self.fields(reached))
        return heed(to, offer, wanted)

    def model_path(self, model: str) -> str:
        """The path of one model, under its author; a variant is part of its name."""
        return "/model/" + "/".join(part_of_path(part) for part in model.split("/", 1))

    def destination(self, call: Call[Any]) -> Destination:
        """A call, what it says to OpenRouter alone, and what is known of the model.

        Raises:
            BadRequestError: an option is wrong.
        """
        options = dict(call.request.options.get(self.plugin, {}))
        if options:
            options = read_options(OPTIONS[call.operation.name], options, type(call.request))
        if options.get("debug") and not call.streaming:
            call.report(f"options.{self.plugin}.debug", "only a stream shows it")
            del options["debug"]
        rule, fields = self._rule(call.target.model), self.fields(call)
        to = Destination(call, fields, self.profile, rule, self.plugin, options)
        for index, name in enumerate(options.get("models", ())):
            self._note_fallback(evolve(to, rule=self._rule(name)), name, f"options.{self.plugin}.models[{index}]")
        return to

    @staticmethod
    def _note_fallback(to: Destination, name: str, where: str) -> None:
        """Note what a model would leave out that is asked only where another fails."""
        refused = [one for one in sorted(to.refused) if getattr(to.call.request, one, None) not in (None, ())]
        if refused:
            why = f"model {name!r} would answer without {', '.join(refused)}, which it refuses"
            to.call.ledger.note(Notice("note", where, why))

    def _rule(self, model: str) -> ModelRule | None:
        """What is known of a model. OpenRouter leaves out in silence what OpenAI's reasoning models refuse."""
        name = NAME_ENDS.split(model, maxsplit=1)[0]
        own = rule_for(self.host, model, self._rules) or rule_for(self.host, name, self._rules)
        if own is None and name.startswith(OPENAI):
            known = rule_for(OPENAI_HOST, name.removeprefix(OPENAI))
            return known and evolve(known, takes_defaults=True)  # OpenRouter leaves out what a model refuses
        return own
