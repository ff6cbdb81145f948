"""What an operation is: a name, how its events fold into a response, whether a repeat is safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from attrs import frozen

__all__ = ["Fold", "Operation", "Request"]

E_contra = TypeVar("E_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
E = TypeVar("E")
R = TypeVar("R")


class Fold(Protocol[E_contra, R_co]):
    """Builds a response from events, one at a time, in time linear in their number."""

    def add(self, event: E_contra, /) -> None:
        """Take the next event."""
        ...

    def response(self) -> R_co:
        """Give the response as far as it has arrived."""
        ...

    def missing(self) -> str | None:
        """Say what keeps the reply from being complete, or None when it is."""
        ...


@frozen
class Operation(Generic[E, R]):
    """One thing that a provider can do.

    `repeatable` tells whether sending the same request twice has no effect beyond its price.
    """

    name: str
    fold: Callable[[], Fold[E, R]]
    repeatable: bool = True


class Request(Generic[E, R]):
    """Base of every request. A subclass names its operation, and through it the type of events and response."""

    __slots__ = ()

    operation: Operation[E, R]
    """The operation that this request asks for."""

    model: str | None
    """`provider:model`, an alias, a provider's name, or None for the default."""

    options: Mapping[str, Mapping[str, Any]]
    """Settings that only one plugin understands, by the plugin's name."""
