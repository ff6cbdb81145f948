"""What an instance of the provider has beside the core's operations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jackfield_jobs.moderations import Moderated, ModerateRequest

__all__ = ["OpenAI"]


class OpenAI:
    """What OpenAI has beside the core's operations: `client.provider("openai")`.

    With an `AsyncClient` what a method gives is awaited.
    """

    def __init__(self, client: Any, name: str) -> None:
        """Ask by this client, and under this provider's name."""
        self._client = client
        self._name = name

    def moderate(self, input: Moderated | Iterable[Moderated], model: str | None = None, **options: Any) -> Any:  # noqa: A002 - the field's own name
        """Whether texts or pictures may be shown, and what speaks against them: a `ModerateResponse`.

        Args:
            input: a text or several, each judged by itself; or parts of one content, judged together.
            model: the model to use, instead of the instance's own.
            options: further fields of a `ModerateRequest`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        target = self._name if model is None else f"{self._name}:{model}"
        return self._client.call(ModerateRequest(model=target, input=input, **options))
