"""What the items of a conversation are, and where what we have no word for is kept of them.

A call, a result and a thought keep the rest of their item in `extra["item"]`; a turn keeps what is said of each of its
messages in `extra["message_items"]`. It is what the Responses API wants back, and goes to no other wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["CALLS", "FORMAT", "INSTRUCTIONS", "ITEM", "LAYOUT", "OUTPUTS", "PART", "is_item", "rest"]

FORMAT: Final = "responses"  # of thoughts, in `Reasoning.format`
ITEM: Final = "item"
LAYOUT: Final = "message_items"
INSTRUCTIONS: Final = "instructions"  # in place of a layout: the turn stands beside the items, under this name
PART: Final = "part"  # of a thought's piece: what it has beside its text
# the calls of tools that the caller runs and that have words of ours: where their arguments stand
CALLS: Final[Mapping[str, str]] = {"function_call": "arguments", "custom_tool_call": "input"}
OUTPUTS: Final = ("function_call_output", "custom_tool_call_output")
# items by name; those of tools end like these
ITEMS: Final = frozenset(
    {
        "additional_tools",
        "compaction",
        "compaction_trigger",
        "item_reference",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_list_tools",
        "message",
        "program",
        "reasoning",
    }
)
ENDS: Final = ("_call", "_output")


def is_item(value: Any) -> bool:
    """Whether something is an item of a conversation of its own, and no part of a message."""
    if not isinstance(value, Mapping):
        return False
    kind = value.get("type")
    if kind is None:
        return value.keys() - {"type"} == {"id"}  # a reference may leave it out
    return isinstance(kind, str) and (kind in ITEMS or kind.endswith(ENDS))


def rest(value: Mapping[str, Any], *known: str) -> dict[str, Any]:
    """What a dictionary holds beyond the known keys; what is null is not set."""
    return {key: item for key, item in value.items() if key not in known and item is not None}
