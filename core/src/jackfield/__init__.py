"""Jackfield: one small set of types for any language-model provider.

>>> import jackfield as jf
>>> client = jf.Client(config={"default": "mock"})
>>> client.chat("Hello").model
'mock'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .call import Call as Call
    from .call import Target as Target
    from .call import Timeouts as Timeouts
    from .client import AsyncClient as AsyncClient
    from .client import Client as Client
    from .endpoint import Secret as Secret
    from .errors import ConfigurationError as ConfigurationError
    from .errors import JackfieldError as JackfieldError
    from .errors import StreamStateError as StreamStateError
    from .errors import TruncatedStreamError as TruncatedStreamError
    from .middleware import Slot as Slot
    from .operations import ChatRequest as ChatRequest
    from .operations import ChatResponse as ChatResponse
    from .stream import AsyncStream as AsyncStream
    from .stream import Stream as Stream
    from .types import Finish as Finish
    from .types import ForcedTool as ForcedTool
    from .types import Message as Message
    from .types import TextDelta as TextDelta
    from .types import Tool as Tool
    from .types import ToolCall as ToolCall
    from .types import ToolResult as ToolResult
    from .types import Usage as Usage

__version__: Final = "0.1.0"

__all__ = [
    "AsyncClient",
    "AsyncStream",
    "Call",
    "ChatRequest",
    "ChatResponse",
    "Client",
    "ConfigurationError",
    "Finish",
    "ForcedTool",
    "JackfieldError",
    "Message",
    "Secret",
    "Slot",
    "Stream",
    "StreamStateError",
    "Target",
    "TextDelta",
    "Timeouts",
    "Tool",
    "ToolCall",
    "ToolResult",
    "TruncatedStreamError",
    "Usage",
]

# importing everything costs as much as a call: each name is fetched when it is first asked for
_HOME: Final = {
    "call": ("Call", "Target", "Timeouts"),
    "client": ("AsyncClient", "Client"),
    "endpoint": ("Secret",),
    "errors": ("ConfigurationError", "JackfieldError", "StreamStateError", "TruncatedStreamError"),
    "middleware": ("Slot",),
    "operations": ("ChatRequest", "ChatResponse"),
    "stream": ("AsyncStream", "Stream"),
    "types": ("Finish", "ForcedTool", "Message", "TextDelta", "Tool", "ToolCall", "ToolResult", "Usage"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names:
            value = getattr(importlib.import_module(f".{module}", __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
