"""The hooks that plugins implement, through pluggy.

Mark an implementation with `hookimpl`, in the module (or on the object) that an entry point names.
A plugin is loaded when the configuration or the program names it; its hooks are called at the edges, never in a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

from .middleware import Middleware
from .operations import Operation
from .provider import Provider

if TYPE_CHECKING:
    from .client import AsyncClient, Client
    from .registry import Registry

__all__ = ["hookimpl", "hookspec"]

hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker("jackfield")
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker("jackfield")


@hookspec(firstresult=True)
def jackfield_provider(name: str, settings: Any) -> Provider | None:
    """Make a provider.

    `name` is the instance's name in the configuration, `settings` an instance of the class that
    `jackfield_settings` gave, or a dictionary where it gave none.
    """


@hookspec(firstresult=True)
def jackfield_middleware(name: str, settings: Any, registry: Registry) -> Middleware | Sequence[Middleware] | None:
    """Make a middleware, or several that belong together.

    `name` is the entry point's name. With `registry`, it makes what it needs of other plugins, such as a store.
    """


@hookspec(firstresult=True)
def jackfield_store(kind: str, settings: Any) -> Any:
    """Make a store for a cache or a journal. `kind` is the entry point's name."""


@hookspec
def jackfield_operations() -> Iterable[Operation[Any, Any]]:  # type: ignore[empty-body]
    """Give operations beyond the core's; a name that is taken is refused."""


@hookspec(firstresult=True)
def jackfield_settings() -> type[Any] | None:
    """Give the attrs class of the plugin's settings, against which the configuration is checked."""


@hookspec
def jackfield_client(client: Client | AsyncClient) -> None:
    """Take a last look at a client that was just built, of which this plugin is a part."""
