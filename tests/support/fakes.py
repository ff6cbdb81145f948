"""A provider without HTTP that plays what it is given, and the plugin that makes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from jackfield.hooks import hookimpl
from jackfield.operations import CHAT, COMPLETE, EMBED, MODEL, MODELS
from jackfield.provider import Provider, serves
from jackfield.types import Finish, Finished, Start, TextDelta, Usage, UsageReported

STOP = Finished(Finish("stop", "stop"))


def hello(*texts: str) -> list[Any]:
    """The events of a whole reply."""
    return [Start(id="r1"), *(TextDelta(text) for text in texts or ("He", "llo")), STOP, UsageReported(Usage(1, 2))]


class Player(Provider):
    """Plays one script a call, the last one for ever.

    An item is an event, an exception to raise, a number of seconds to sleep, or a function to call with the call;
    what that returns is awaited where it can be. `closed` counts how many plays were closed or ended.
    """

    def __init__(self, *scripts: Iterable[Any], name: str = "fake") -> None:
        super().__init__(name, dict.fromkeys(("chat", "complete", "embed", "model"), "m"))
        self.scripts = [list(script) for script in scripts]
        self.calls: list[Any] = []
        self.opened = 0
        self.closed = 0

    @serves(CHAT)
    async def chat(self, call):
        script = self.scripts[min(len(self.calls), len(self.scripts) - 1)]
        self.calls.append(call)
        self.opened += 1
        try:
            for item in script:
                if isinstance(item, BaseException):
                    raise item
                if isinstance(item, int | float):
                    await call.runtime.sleep(item)
                elif callable(item):
                    result = item(call)
                    if inspect.isawaitable(result):
                        await result
                else:
                    yield item
        finally:
            self.closed += 1

    @serves(COMPLETE)
    def complete(self, call):
        return self.chat(call)

    @serves(EMBED)
    def embed(self, call):
        return self.chat(call)

    @serves(MODELS)
    def models(self, call):
        return self.chat(call)

    @serves(MODEL)
    def model(self, call):
        return self.chat(call)


class Plugin:
    """Makes providers with a function of the name and the settings."""

    def __init__(self, make: Callable[..., Any], settings: type[Any] | None = None) -> None:
        self.make = make
        self.settings = settings

    @hookimpl
    def jackfield_settings(self) -> type[Any] | None:
        return self.settings

    @hookimpl
    def jackfield_provider(self, name, settings):
        return self.make(name, settings)


def playing(player: Provider) -> dict[str, Any]:
    """Arguments of a client that has this provider, as "fake", and no other."""
    plugin = Plugin(lambda name, settings: player)
    return {"config": {"default": "fake"}, "plugins": {"provider": {"fake": plugin}}}
