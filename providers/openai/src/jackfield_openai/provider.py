"""The provider itself: its settings, and what OpenAI has beside what OpenAI-like services share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from functools import cached_property
from typing import Any, ClassVar, Final

from attrs import field, frozen

from jackfield.call import Call
from jackfield.operations import CHAT, COMPLETE, EMBED
from jackfield.provider import Exchange, Provider
from jackfield.types import Event
from jackfield_wire_openai.profiles import Profile
from jackfield_wire_openai.provider import WireProvider, WireSettings

from .account import OpenAIAccount

__all__ = ["OpenAIProvider", "OpenAISettings"]

BASE_URL: Final = "https://api.openai.com/v1"
# whose code is imported when one is asked for: who only chats does not wait for it
LATER: Final = frozenset({
    "batches.cancel", "batches.create", "batches.get", "batches.list", "batches.results", "batches.write",
    "fine_tuning.change", "fine_tuning.check_grader", "fine_tuning.checkpoints", "fine_tuning.create",
    "fine_tuning.events", "fine_tuning.get", "fine_tuning.grade", "fine_tuning.list", "fine_tuning.permissions",
    "fine_tuning.permit", "fine_tuning.revoke",
    "files.content", "files.delete", "files.get", "files.list", "files.upload", "moderate",
    "uploads.cancel", "uploads.complete", "uploads.create", "uploads.part",
})  # fmt: skip


@frozen
class OpenAISettings(WireSettings):
    """Settings of `[providers.openai]`, or of any instance with `plugin = "openai"`.

    Attributes:
        api_key: the key; a server on this machine may do without.
        base_url: where the API is, up to and without `/chat/completions`.
        default_model: the model of a chat where none is named.
        default_models: the same by operation: `chat`, `complete`, `embed`, `moderate`.
        organization: the organization that is charged, where the key serves several.
        project: the project that is charged, where the key serves several.
        headers: further headers of each request.
        stream_usage: whether to ask for usage at the end of a stream; a few servers refuse the question.
        profile: what the host takes, where that differs from what is known of it.
        models: what models take and refuse; these rules count before those that are known.
        api: the API that chats go over: "chat", or "responses" for the newer one. Unless set, it is the older one, but
            for models that are known to answer over the newer one alone.
    """

    base_url: str = BASE_URL
    organization: str | None = field(default=None, metadata={"env": "OPENAI_ORG_ID"})
    project: str | None = field(default=None, metadata={"env": "OPENAI_PROJECT_ID"})
    stream_usage: bool = True


class OpenAIProvider(WireProvider):
    """Chats, completions, embeddings, moderations, models, files and jobs at OpenAI, or a server that speaks likewise.

    Raises:
        ConfigurationError: the base URL is not one, or OpenAI itself is to be called without a key.
    """

    accessor = OpenAIAccount
    plugin = "openai"
    variable = "OPENAI_API_KEY"
    home = BASE_URL
    known_models: ClassVar[Mapping[str, str]] = {
        CHAT.name: "gpt-4.1-mini",
        COMPLETE.name: "gpt-3.5-turbo-instruct",
        EMBED.name: "text-embedding-3-small",
        "moderate": "omni-moderation-latest",
    }
    # hosts on which OpenAI's own names of models mean nothing
    models_at: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "openrouter.ai": {
            CHAT.name: "openrouter/auto",
            COMPLETE.name: "openai/gpt-3.5-turbo-instruct",
            EMBED.name: "openai/text-embedding-3-small",
        }
    }
    header_settings: ClassVar[Mapping[str, str]] = {"organization": "OpenAI-Organization", "project": "OpenAI-Project"}

    def __init__(self, name: str, settings: OpenAISettings) -> None:
        """Make an instance of this name."""
        super().__init__(name, settings)
        if not settings.stream_usage:
            self.profile = Profile(stream_usage=False).over(self.profile)

    @property
    def operations(self) -> frozenset[str]:
        """The names of the operations that this provider serves."""
        return super().operations | LATER

    def open(self, call: Call[Any]) -> Exchange[Event] | AsyncGenerator[Event, None]:
        """The events of a call."""
        return self._late.open(call) if call.operation.name in LATER else super().open(call)

    @cached_property
    def _late(self) -> Provider:
        from .later import LateOpenAI

        return LateOpenAI(self)
