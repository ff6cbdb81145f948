"""Tells the tool calls of a reply apart, whose pieces are numbered in every way there is."""

from __future__ import annotations

from collections.abc import Hashable

from attrs import define, field

from jackfield.errors import MalformedReplyError

__all__ = ["Call", "Piece", "ToolCalls"]


@define
class Piece:
    """What came of a tool call at once. `whole` is one that lacks nothing; `custom` one whose input is no JSON."""

    index: Hashable
    id: str
    name: str
    arguments: str
    whole: bool = False
    custom: bool = False

    @property
    def empty(self) -> bool:
        """Whether it says nothing: neither whose it is nor what."""
        return not (self.id or self.name or self.arguments)


@define
class Call:
    """What must be remembered of a tool call while it streams."""

    index: int
    id: str = ""
    name: str = ""
    tail: str = ""  # the last character of the arguments that is no white space
    _unread: list[str] = field(factory=list)
    _depth: int = 0
    _quoted: bool = False
    _escaped: bool = False

    def add(self, piece: Piece) -> None:
        """Take more of the arguments."""
        if piece.arguments and not piece.custom:
            self._unread.append(piece.arguments)
        self.tail = piece.arguments.rstrip()[-1:] or self.tail

    def ends_before(self, piece: Piece) -> bool:
        """Whether the arguments are one JSON object already, and the piece begins the next."""
        if piece.custom or self.tail != "}" or not piece.arguments.lstrip().startswith("{"):
            return False
        for text in self._unread:
            self._scan(text)
        self._unread.clear()
        return self._depth == 0 and not self._quoted

    def _scan(self, text: str) -> None:
        for char in text:
            if self._escaped:
                self._escaped = False
            elif char == '"':
                self._quoted = not self._quoted
            elif self._quoted:
                self._escaped = char == "\\"
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1


class ToolCalls:
    """What must be remembered of the tool calls of a choice while it streams."""

    __slots__ = ("_by_id", "_by_index", "_last", "all")

    def __init__(self) -> None:
        self.all: list[Call] = []
        self._by_index: dict[Hashable, Call] = {}
        self._by_id: dict[str, Call] = {}
        self._last: Call | None = None

    def find(self, piece: Piece) -> Call | None:
        """The call that a piece belongs to; None where it begins one.

        The wire's index may start anywhere, have gaps, be missing, or be used again for another call.

        Raises:
            MalformedReplyError: the piece goes on behind the end of a call, and does not say what of.
        """
        if piece.whole:
            return None  # each is a call of its own, whatever it is numbered
        if piece.index is None and not piece.id:
            call = None if piece.name and self._last is not None and self._last.name else self._last
        else:
            call = self._by_id.get(piece.id) if piece.index is None else self._by_index.get(piece.index)
            if call is not None and piece.id and call.id and piece.id != call.id:
                call = self._by_id.get(piece.id)
        if call is None or (call.tail and piece.arguments.strip() and piece.name and piece.name != call.name != ""):
            return None
        if call.ends_before(piece):
            if piece.name:
                return None
            raise MalformedReplyError(f"tool_calls: the arguments of {call.name!r} go on behind their end")
        return call

    def take(self, piece: Piece) -> Call:
        """The call that a piece belongs to, which may be new, with the piece's arguments."""
        call = self.find(piece)
        if call is None:
            call = Call(len(self.all))
            self.all.append(call)
        if piece.index is not None:
            self._by_index[piece.index] = call
        if piece.id:
            self._by_id[piece.id] = call
        self._last = call
        call.add(piece)
        return call
