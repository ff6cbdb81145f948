"""What an instance of the provider has beside the core's operations: `client.provider("openai")`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jackfield_jobs.stored import Files, Uploads

__all__ = ["OpenAIAccount"]


class OpenAIAccount:
    """What an account has beside the core's operations. With an `AsyncClient` what calls is awaited.

    Each part is imported when it is asked for: who only chats does not wait for it.

    Attributes:
        files: the files.
        uploads: uploads in parts, step by step.
    """

    def __init__(self, client: Any, name: str) -> None:
        """Ask by this client, and under this provider's name."""
        self._client = client
        self._name = name

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
