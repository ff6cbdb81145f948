"""A value, or several, for every field of every request of the core, by which to see what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs
from attrs import field, frozen

from jackfield.operations import Request
from jackfield.types import (
    Audio,
    CacheMark,
    File,
    ForcedTool,
    Image,
    JsonSchema,
    Message,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Unknown,
)

__all__ = ["EVERY", "MARK", "MESSAGES", "PROBES", "Probe", "missing_probes"]

MARK: Final = "probe-7c31"
PIXEL: Final = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
TOOL: Final = Tool("probe_tool", "What a probe needs.", {"type": "object", "properties": {"at": {"type": "string"}}})
SCHEMA: Final = JsonSchema(
    {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"], "additionalProperties": False},
    "probe_schema",
)
ELSEWHERE: Final = ("model", "options", "unsupported", "extra_headers")


@frozen
class Probe:
    """A value of a field; `beside` are the fields that it makes no sense without.

    `literal` says that the value itself must be in what is sent.
    """

    value: Any
    beside: Mapping[str, Any] = field(factory=dict)
    literal: bool = True


def _plain(*values: Any, **beside: Any) -> tuple[Probe, ...]:
    return tuple(Probe(value, beside) for value in values)


def _switch(*, on: bool, **beside: Any) -> tuple[Probe, ...]:
    return (Probe(on, beside, literal=False),)


def _shaped(*values: Any, **beside: Any) -> tuple[Probe, ...]:
    return tuple(Probe(value, beside, literal=False) for value in values)


EVERY: Final[Mapping[str, tuple[Probe, ...]]] = {"extra_body": _shaped({"probe_extra": MARK})}

SAMPLED: Final[Mapping[str, tuple[Probe, ...]]] = {
    "temperature": _plain(0.371, 0),
    "top_p": _plain(0.372, 0),
    "frequency_penalty": _plain(0.373, 0),
    "presence_penalty": _plain(0.374, 0),
    "max_output_tokens": _plain(379),
    "stop": _shaped((MARK,), (MARK, "probe-2")),
    "seed": _plain(3710, 0),
    "n": _plain(3),
    "logit_bias": _shaped({"371": 5.0}, {"371": 0}),
    "user": _plain(MARK),
}

PROBES: Final[Mapping[str, Mapping[str, tuple[Probe, ...]]]] = {
    "chat": {
        **SAMPLED,
        "tools": _shaped((TOOL,)),
        "tool_choice": _shaped("required", "none", ForcedTool("probe_tool"), tools=(TOOL,)),
        "parallel_tool_calls": _switch(on=False, tools=(TOOL,)),
        "response_format": _shaped("json", SCHEMA),
        "top_k": _plain(37),
        "logprobs": _switch(on=True),
        "top_logprobs": _plain(7, 0, logprobs=True),
        "reasoning_effort": _plain("low"),
        "reasoning_budget": _plain(3711, max_output_tokens=8192),
        "metadata": _shaped({"probe": MARK}),
        "service_tier": _plain("flex"),
        **EVERY,
    },
    "complete": {
        **SAMPLED,
        "suffix": _plain(MARK),
        "best_of": _plain(4, n=1),
        "echo": _switch(on=True),
        "logprobs": _plain(4, 0),
        **EVERY,
    },
    "embed": {"dimensions": _plain(371), "user": _plain(MARK), **EVERY},
    "models": EVERY,
    "model": EVERY,
}
"""By operation and field. What an operation is about (its messages, its prompt, its input) is in the samples."""

SUBJECTS: Final = ("messages", "prompt", "input")

_CALL: Final = ToolCall("call_probe", "probe_tool", '{"at":"probe-7c31"}')
_ASKED: Final = Message("user", "What is it?")


def _user(*parts: Any, **more: Any) -> list[Message]:
    return [Message("user", (Text("Look."), *parts), **more)]


MESSAGES: Final[Mapping[str, tuple[list[Message], list[Message]]]] = {
    "system": ([_ASKED], [Message("system", MARK), _ASKED]),
    "developer": ([_ASKED], [Message("developer", MARK), _ASKED]),
    "late-system": ([_ASKED], [_ASKED, Message("system", MARK), _ASKED]),
    "history": ([_ASKED], [_ASKED, Message("assistant", MARK), _ASKED]),
    "several-texts": (_user(), _user(Text(MARK))),
    "name": (_user(), _user(name="probe_name")),
    "turn-mark": (_user(), _user(cache=CacheMark())),
    "part-mark": (_user(Text(MARK)), _user(Text(MARK, cache=CacheMark()))),
    "image-url": (_user(), _user(Image("https://pictures.example/probe-7c31.gif"))),
    "image-data": (_user(), _user(Image.of(PIXEL, "image/gif"))),
    "image-detail": (_user(Image.of(PIXEL, "image/gif")), _user(Image.of(PIXEL, "image/gif", "low"))),
    "audio": (_user(), _user(Audio.of(b"RIFFprobe", "wav"))),
    "file-data": (_user(), _user(File.of(b"%PDF-probe", "application/pdf", "probe.pdf"))),
    "file-id": (_user(), _user(File(id="file-probe"))),
    "unknown-part": (_user(), _user(Unknown({"type": "probe", "probe": MARK}))),
    "tool-call": (
        [_ASKED],
        [_ASKED, Message("assistant", (_CALL,)), Message("tool", (ToolResult("call_probe", "done"),))],
    ),
    "tool-result": (
        [_ASKED, Message("assistant", (_CALL,)), Message("tool", (ToolResult("call_probe", "done"),))],
        [_ASKED, Message("assistant", (_CALL,)), Message("tool", (ToolResult("call_probe", MARK),))],
    ),
    "tool-image": (
        [_ASKED, Message("assistant", (_CALL,)), Message("tool", (ToolResult("call_probe", "done"),))],
        [
            _ASKED,
            Message("assistant", (_CALL,)),
            Message("tool", (ToolResult("call_probe", (Text("done"), Image.of(PIXEL, "image/gif"))),)),
        ],
    ),
    "reasoning": (
        [_ASKED, Message("assistant", (Text("So."),)), _ASKED],
        [_ASKED, Message("assistant", (Reasoning(MARK, signature="signed", format="probe"), Text("So."))), _ASKED],
    ),
    "refusal": (
        [_ASKED, Message("assistant", (Text("So."),)), _ASKED],
        [_ASKED, Message("assistant", (Text("So."), Refusal(MARK))), _ASKED],
    ),
}
"""Conversations in pairs: the second has one thing more than the first, and the difference must be seen."""


def missing_probes(request: type[Request[Any, Any]]) -> list[str]:
    """The fields of a request class that no probe of ours is for."""
    known = PROBES.get(request.operation.name, EVERY)
    names = [one.name for one in attrs.fields(request)]
    return [name for name in names if name not in known and name not in {*ELSEWHERE, *SUBJECTS}]
