"""What few programs ask of OpenAI, and is therefore imported when one does: files, uploads, jobs, moderations."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from jackfield.call import Call
from jackfield.provider import Exchange, HttpProvider
from jackfield.types import Event

from .batches import BatchExchanges
from .fine_tuning_beside import BesideExchanges
from .fine_tuning_wire import FineTuningExchanges
from .moderations import ModerationExchanges
from .provider import OpenAIProvider
from .uploads import UploadExchanges

__all__ = ["LateOpenAI"]


class LateOpenAI(
    UploadExchanges, BatchExchanges, FineTuningExchanges, BesideExchanges, ModerationExchanges, OpenAIProvider
):
    """The same instance, with everything that it serves."""

    def __init__(self, early: OpenAIProvider) -> None:
        """Be this instance: its name, its endpoint, its settings."""
        vars(self).update(vars(early))

    def open(self, call: Call[Any]) -> Exchange[Event] | AsyncGenerator[Event, None]:
        """The events of a call; here nothing is left for later."""
        return HttpProvider.open(self, call)
