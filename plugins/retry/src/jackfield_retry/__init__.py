"""Retries that cannot make an outage worse: bounded by attempts, time and a budget that all calls share."""

from __future__ import annotations

from jackfield.hooks import hookimpl

from .decision import Circuit, Reason, State, Verdict, decide
from .middleware import CircuitOpenError, Retry
from .settings import RetrySettings
from .tokens import Tokens

__all__ = ["Circuit", "CircuitOpenError", "Reason", "Retry", "RetrySettings", "State", "Tokens", "Verdict", "decide"]


@hookimpl
def jackfield_settings() -> type[RetrySettings]:
    """The class of the settings."""
    return RetrySettings


@hookimpl
def jackfield_middleware(settings: RetrySettings) -> Retry:
    """A middleware with tokens of its own, for each client."""
    return Retry(settings)
