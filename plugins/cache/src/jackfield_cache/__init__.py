"""Exact caching: what was asked before is answered from a store, event by event as it was."""

from __future__ import annotations

from typing import Any

from jackfield.hooks import hookimpl
from jackfield.registry import Registry

from ._cache import Cache, NotCachedError
from ._settings import CacheSettings, Rule
from ._store import Store
from .memory import MemorySettings, MemoryStore

__all__ = ["Cache", "CacheSettings", "MemorySettings", "MemoryStore", "NotCachedError", "Rule", "Store"]


@hookimpl
def jackfield_settings() -> type[CacheSettings]:
    """The class of the settings."""
    return CacheSettings


@hookimpl
def jackfield_middleware(settings: Any, registry: Registry) -> Cache:
    """A cache of its own for each client, with a store of the plugins that this client may load."""
    return Cache(settings, registry)
