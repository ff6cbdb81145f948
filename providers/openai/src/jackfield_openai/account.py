"""What an instance of the provider has beside the core's operations."""

from __future__ import annotations

from typing import Any

from .fine_tuning_account import FineTuning

__all__ = ["OpenAIAccount"]


class OpenAIAccount:
    """What OpenAI has beside the core's operations: `client.provider("openai")`."""

    def __init__(self, client: Any, name: str) -> None:
        """Ask by this client, and under this provider's name."""
        self._client = client
        self._name = name

    @property
    def fine_tuning(self) -> FineTuning:
        """Jobs that tune a model."""
        return FineTuning(self._client, self._name)
