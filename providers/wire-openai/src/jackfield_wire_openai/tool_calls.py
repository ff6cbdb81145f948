"""Tells the tool calls of a reply apart, whose pieces are numbered in every way there is."""

from __future__ import annotations

from collections.abc import Hashable

from attrs import define

__all__ = ["ToolCalls"]


@define
class Call:
    """What must be remembered of a tool call while it streams."""

    index: int
    id: str = ""
    name: str = ""


class ToolCalls:
    """What must be remembered of the tool calls of a choice while it streams."""

    __slots__ = ("by_id", "by_index", "count", "last")

    def __init__(self) -> None:
        self.by_index: dict[Hashable, Call] = {}
        self.by_id: dict[str, Call] = {}
        self.last: Call | None = None
        self.count = 0

    def call(self, index: Hashable, call_id: str, name: str, *, whole: bool) -> Call:
        """The call that a piece belongs to, which may be new.

        The wire's index may start anywhere, have gaps, be missing, or be used again for a call with another id.
        """
        call: Call | None = None
        if whole:
            pass  # each is a call of its own, whatever it is numbered
        elif index is not None:
            call = self.by_index.get(index)
            if call is not None and call_id and call.id and call_id != call.id:
                call = None
        elif call_id:
            call = self.by_id.get(call_id)
        elif self.last is not None and not (name and self.last.name):
            call = self.last
        if call is None:
            call = Call(self.count)
            self.count += 1
        if index is not None:
            self.by_index[index] = call
        if call_id:
            self.by_id[call_id] = call
        self.last = call
        return call
