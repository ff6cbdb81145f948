"""The operation rerank, which the core does not have, and a provider that serves it."""

from __future__ import annotations

from typing import Any

from jackfield.hooks import hookimpl
from jackfield.operations import Operation

from .operation import RERANK, Document, Ranked, RerankEvent, RerankRequest, RerankResponse
from .provider import RerankProvider, RerankSettings

__all__ = ["RERANK", "Document", "Ranked", "RerankEvent", "RerankProvider", "RerankRequest", "RerankResponse"]
__all__ += ["RerankSettings"]


@hookimpl
def jackfield_operations() -> list[Operation[Any, Any]]:
    """The operation that this plugin adds."""
    return [RERANK]


@hookimpl
def jackfield_settings() -> type[RerankSettings]:
    """The class of the settings."""
    return RerankSettings


@hookimpl
def jackfield_provider(name: str, settings: RerankSettings) -> RerankProvider:
    """A provider of this name."""
    return RerankProvider(name, settings)
