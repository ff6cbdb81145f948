"""The mock provider: replies from a script, for tests and for trying things out. It never touches the network."""

from __future__ import annotations

from jackfield.hooks import hookimpl

from .faults import Fault, FaultKind
from .provider import MockProvider
from .replies import Reply, ReplyLike, Responder, Script, ScriptedCall
from .rules import Rule
from .settings import MockSettings

__all__ = ["Fault", "FaultKind", "MockProvider", "MockSettings", "Reply", "ReplyLike", "Responder", "Rule", "Script"]
__all__ += ["ScriptedCall"]


@hookimpl
def jackfield_settings() -> type[MockSettings]:
    """The class of the settings."""
    return MockSettings


@hookimpl
def jackfield_provider(name: str, settings: MockSettings) -> MockProvider:
    """A mock of this name."""
    return MockProvider(name=name, settings=settings)
