"""Jackfield: one small set of types for any language-model provider.

>>> import jackfield as jf
>>> client = jf.Client(config={"default": "mock"})
>>> client.chat("Hello").model
'mock'

Everything of `jackfield.types` and `jackfield.operations` is here too.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

__version__: Final = "0.1.0"

# importing everything costs as much as a call: each name is fetched when it is first asked for
_HOME: Final = {
    "call": ("Call", "Target", "Timeouts"),
    "client": ("AsyncClient", "Client"),
    "endpoint": ("Secret",),
    "errors": ("ConfigurationError", "JackfieldError", "StreamStateError", "TruncatedStreamError", "UnsupportedError"),
    "middleware": ("Slot",),
    "stream": ("AsyncStream", "Stream"),
}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return [found for found in __dir__() if found != "__version__"]
    home = next((room for room, names in _HOME.items() if name in names), None)
    for room in (home,) if home else ("types", "operations"):
        module = importlib.import_module(f".{room}", __name__)
        if home or name in module.__all__:
            value = globals()[name] = getattr(module, name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    rooms = (importlib.import_module(f".{room}", __name__).__all__ for room in ("types", "operations"))
    return sorted({"__version__", *(name for names in (*_HOME.values(), *rooms) for name in names)})
