"""What an instance of the provider has beside the core's operations: `client.provider("openai")`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jackfield_jobs.batched import Batches
    from jackfield_jobs.moderations import Moderated
    from jackfield_jobs.stored import Files, Uploads

    from .fine_tuning_account import FineTuning

__all__ = ["ModeratingAccount", "OpenAIAccount"]


class ModeratingAccount:
    """What a host that judges has beside the core's operations. With an `AsyncClient` what calls is awaited."""

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
        from jackfield_jobs.moderations import ModerateRequest

        target = self._name if model is None else f"{self._name}:{model}"
        return self._client.call(ModerateRequest(model=target, input=input, **options))


class OpenAIAccount(ModeratingAccount):
    """What an account has beside the core's operations. With an `AsyncClient` what calls is awaited.

    Each part is imported when it is asked for: who only chats does not wait for it.

    Attributes:
        files: the files.
        uploads: uploads in parts, step by step.
        batches: batches of requests.
        fine_tuning: jobs that tune a model.
    """

    @cached_property
    def files(self) -> Files:
        """The files."""
        from jackfield_jobs.stored import Files, Parting

        return Files(self._client, self._name, Parting())

    @cached_property
    def uploads(self) -> Uploads:
        """Uploads in parts, step by step."""
        from jackfield_jobs.stored import Uploads

        return Uploads(self._client, self._name)

    @cached_property
    def batches(self) -> Batches:
        """Batches of requests."""
        from jackfield_jobs.batched import Batches

        return Batches(self._client, self._name, self.files)

    @cached_property
    def fine_tuning(self) -> FineTuning:
        """Jobs that tune a model."""
        from .fine_tuning_account import FineTuning

        return FineTuning(self._client, self._name, self.files)
