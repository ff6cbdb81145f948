"""Reasoning in a conversation: which of its forms is sent back to whom.

`Reasoning.format` says where a thought came from. "reasoning" and "reasoning_content" are plain fields of a message.
"thinking" and "summary" are parts of its content. "responses" is an item of the Responses API. Every other form, with
whatever it holds, is one of OpenRouter's `reasoning_details`. A thought goes back in the form in which it came, or is
left out where the host has no place for it: a conversation that moved to another provider must work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jackfield.types import Reasoning

from .destination import Destination, put
from .responses.items import FORMAT as RESPONSES

__all__ = ["CONTENT", "DETAILS", "PLAIN", "detail", "form_of", "kind_of", "thinking"]

PLAIN: Final = ("reasoning", "reasoning_content")
CONTENT: Final = ("thinking", "summary")
DETAILS: Final = "reasoning_details"
# what a thought may hold beside its text, and which of it each form can carry
BESIDE: Final = ("signature", "encrypted", "summary", "id", "extra")
CARRIED: Final[Mapping[str, tuple[str, ...]]] = {
    "thinking": ("signature", "extra"),
    "summary": ("signature", "summary", "extra"),
    DETAILS: BESIDE,
}


def form_of(thought: Reasoning, where: str, to: Destination) -> str | None:
    """The form in which a thought is sent back; None where it is left out, which is noted."""
    takes = to.profile.thoughts or ()
    form = thought.format
    if form not in (*PLAIN, *CONTENT, RESPONSES):
        bare = form is None and not (thought.signature or thought.encrypted or thought.summary or thought.extra)
        form = (to.profile.plain_thought or None) if bare else DETAILS
    if form is None or form not in takes:
        to.leave_out(where, "the host has no place for reasoning of this form")
        return None
    if form == DETAILS and (thought.format or "").startswith("anthropic") and thought.text and not thought.signature:
        to.leave_out(where, "a thought that nobody signed is refused: its reply broke off")
        return None
    for name in BESIDE:
        if name not in CARRIED.get(form, ()) and getattr(thought, name):
            to.leave_out(f"{where}.{name}", f"reasoning of the form {form!r} has no place for it")
    return form


def thinking(thought: Reasoning, form: str, where: str) -> dict[str, Any]:
    """A thought as a part of content."""
    extra = dict(thought.extra or {})
    kind, inner = ("thinking", "text") if form == "thinking" else ("reasoning", "summary_text")
    pieces = [{"type": inner, "text": thought.text}]
    if isinstance(extra.get(form), list):  # pieces that have no word of ours
        pieces = [*(pieces if thought.text or thought.signature else ()), *extra.pop(form)]
    wire: dict[str, Any] = {"type": kind, form: pieces}
    if thought.signature is not None:
        (wire if form == "thinking" else pieces[0])["signature"] = thought.signature
    put(wire, extra, where)
    return wire


def kind_of(*, text: str, encrypted: str | None, summary: bool) -> str:
    """The type of one of `reasoning_details`, as what it holds tells it."""
    kind = "encrypted" if encrypted is not None and not text else "text"
    return "reasoning.summary" if summary else f"reasoning.{kind}"


def detail(thought: Reasoning, where: str) -> dict[str, Any]:
    """A thought as one of OpenRouter's `reasoning_details`, as it came."""
    extra = dict(thought.extra or {})
    kind = kind_of(text=thought.text, encrypted=thought.encrypted, summary=thought.summary)
    wire: dict[str, Any] = {"type": extra.pop("type", kind)}
    if wire["type"] is None:
        del wire["type"]  # it came without one
    if thought.summary:  # the host wants one, if an empty one
        wire["summary"] = thought.text
    elif thought.text:
        wire["text"] = thought.text
    if thought.encrypted is not None:
        wire["data"] = thought.encrypted
    for name in ("signature", "id", "format"):
        if (value := getattr(thought, name)) is not None:
            wire[name] = value
    put(wire, extra, where)
    return wire
