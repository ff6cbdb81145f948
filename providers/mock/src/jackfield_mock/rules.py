"""Rules: which request gets which reply."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from attrs import field, frozen

from jackfield.call import Call
from jackfield.errors import ConfigurationError
from jackfield.operations import ChatRequest, CompleteRequest, EmbedRequest, Prompt
from jackfield.types import Message, Text, Tool, ToolCall, ToolResult

from .checks import WHOLE, at_least, known, optional, textual
from .faults import Fault, read_fault
from .replies import Reply, ReplyLike, Responder, Script, read_reply, replies_check

__all__ = ["OPERATIONS", "TALKING", "Playlist", "Posted", "Rule", "heard"]

OPERATIONS: Final = ("chat", "complete", "embed", "model", "models")
# the operations that a text is a reply to
TALKING: Final = ("chat", "complete")


def heard(request: Any) -> str:
    """What a request says last: the last turn of the user, the results of the tools after it, or the texts given."""
    if isinstance(request, ChatRequest):
        return "\n".join(_said(message) for message in last_turn(request.messages))
    if isinstance(request, CompleteRequest):
        return "\n".join(map(written, request.prompt))
    if isinstance(request, EmbedRequest):
        return "\n".join(map(written, request.input))
    return ""


def last_turn(messages: Sequence[Message]) -> list[Message]:
    """The tool results that end a conversation; where none do, the last message of the user."""
    results = list(itertools.takewhile(lambda message: message.role == "tool", reversed(messages)))
    if results:
        return results[::-1]
    return [message for message in messages if message.role == "user"][-1:]


def _said(message: Message) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, Text | ToolResult))


def written(prompt: Prompt) -> str:
    """A prompt as text; token numbers are written out."""
    return prompt if isinstance(prompt, str) else " ".join(map(str, prompt))


def _pattern(_: object, attribute: Any, value: Any) -> None:
    textual(_, attribute, value)
    try:
        re.compile(value)
    except re.error as error:
        raise ConfigurationError(f"{attribute.alias}: {value!r} is no regular expression: {error}") from None


def _reply(_: object, attribute: Any, value: Any) -> None:
    if value is not None:
        read_reply(value, attribute.alias)


@frozen(kw_only=True)
class Rule:
    """Says what becomes of the requests that fit all of its conditions; what is not set is no condition.

    Attributes:
        contains: text in what the request says last: the last turn of the user or the results of the tools after it,
            the prompts, or the texts to embed.
        matches: a regular expression to be found there.
        model: the model; `*` and `?` stand for any characters.
        operation: chat, complete, embed, model or models. Without it, a rule with a reply is for chat and complete,
            and one that has a fault alone for every operation.
        tool: a tool of this name is offered.
        tool_result: what was said last are results of tools, and this tool's is among them.
        turns: how many messages there are, those of the system and of developers aside.
        times: how often the rule applies before it is done.
        reply: what is answered; without it, what would be answered without the rule.
        replies: several of them, one after another, the last one for ever.
        fault: what goes wrong.

    Raises:
        ConfigurationError: a value is wrong, or the rule says nothing.
    """

    contains: str | None = field(default=None, validator=optional(textual))
    matches: str | None = field(default=None, validator=optional(_pattern))
    model: str | None = field(default=None, validator=optional(textual))
    operation: str | None = field(default=None, validator=optional(known(OPERATIONS, "operation")))
    tool: str | None = field(default=None, validator=optional(textual))
    tool_result: str | None = field(default=None, validator=optional(textual))
    turns: int | None = field(default=None, validator=optional(WHOLE))
    times: int | None = field(default=None, validator=optional(at_least(1, "a whole number of at least 1", int)))
    reply: str | Reply | Sequence[Any] | None = field(default=None, validator=_reply)
    replies: Sequence[str | Reply | Sequence[Any]] = field(default=(), validator=replies_check)
    fault: Fault | None = field(default=None, converter=read_fault)

    def __attrs_post_init__(self) -> None:
        if self.reply is not None and self.replies:
            raise ConfigurationError("replies: there is a `reply` already, and a rule has one or the other")
        if self.reply is None and not self.replies and self.fault is None:
            raise ConfigurationError("reply: missing; a rule needs a reply, replies or a fault")

    def fits(self, call: Call[Any]) -> bool:
        """Whether a call fits the conditions."""
        name, request = call.operation.name, call.request
        if self.operation is None:
            served = name in TALKING or (self.reply is None and not self.replies)
        else:
            served = self.operation == name
        return (
            served
            and (self.model is None or fnmatchcase(call.target.model, self.model))
            and (self.contains is None or self.contains in heard(request))
            and (self.matches is None or re.search(self.matches, heard(request)) is not None)
            and self._fits_chat(request)
        )

    def _fits_chat(self, request: Any) -> bool:
        if (self.tool, self.tool_result, self.turns) == (None, None, None):
            return True
        if not isinstance(request, ChatRequest):
            return False
        turns = sum(message.role not in {"system", "developer"} for message in request.messages)
        offered = {tool.name for tool in request.tools or () if isinstance(tool, Tool)}
        return (
            (self.turns is None or turns == self.turns)
            and (self.tool is None or self.tool in offered)
            and (self.tool_result is None or self.tool_result in _answered(request.messages))
        )


def _answered(messages: Sequence[Message]) -> set[str]:
    """The names of the tools whose results end a conversation."""
    ids = [part.call_id for turn in last_turn(messages) for part in turn.parts if isinstance(part, ToolResult)]
    called = {part.id: part.name for message in messages for part in message.parts if isinstance(part, ToolCall)}
    return {called[call_id] for call_id in ids if call_id in called}


class Playlist:
    """Replies, one after another. Threads may share one."""

    def __init__(self, replies: Sequence[ReplyLike], where: str, exhausted: str = "repeat") -> None:
        """Read the replies."""
        self._replies = [read_reply(reply, f"{where}[{index}]") for index, reply in enumerate(replies)]
        self._where = where
        self._exhausted = exhausted
        self.restart()

    def __bool__(self) -> bool:
        return bool(self._replies)

    @property
    def function(self) -> Responder | None:
        """The only reply, where it is a function."""
        only = self._replies[0] if len(self._replies) == 1 else None
        return only if callable(only) else None

    def restart(self) -> None:
        """Begin with the first again."""
        self._turns = itertools.count()
        self._next = 0

    def reply(self, *, take: bool) -> str | Reply | Script | Responder:
        """The reply whose turn it is; where it is not taken, its turn stays.

        Raises:
            ConfigurationError: all were given, and this was to be an error.
        """
        turn = self._next
        if take:
            turn = next(self._turns)  # atomic, so that no two threads get one turn
            self._next = turn + 1
        length = len(self._replies)
        if turn >= length and self._exhausted == "error":
            raise ConfigurationError(
                f"{self._where}: all {length} were given, and the mock was asked once more (exhausted = 'error')"
            )
        return self._replies[turn % length if self._exhausted == "cycle" else min(turn, length - 1)]


class Posted:
    """A rule at work: how often it was applied, and which of its replies is next."""

    def __init__(self, rule: Rule, where: str) -> None:
        """Begin."""
        self.rule = rule
        replies = rule.replies or ([] if rule.reply is None else [rule.reply])
        self.replies = Playlist(replies, f"{where}.replies")
        self.restart()

    def restart(self) -> None:
        """Forget how often it was applied."""
        self._applied = itertools.count()
        self._done = False
        self.replies.restart()

    def applies(self, call: Call[Any], *, take: bool) -> bool:
        """Whether it says what becomes of a call; where that is taken, it counts."""
        times = self.rule.times
        if self._done or not self.rule.fits(call):
            return False
        if take and times is not None:
            applied = next(self._applied)
            self._done = applied + 1 >= times
            return applied < times
        return True
