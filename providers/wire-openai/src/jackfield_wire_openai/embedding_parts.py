"""Embeddings of more inputs than one request may have: they are asked for in parts, each a call of its own.

So each part passes the whole chain: a cache keeps it, a retry asks for it again without asking for the others.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from copy import copy
from math import inf
from typing import Any, Final

import attrs

from jackfield.call import Call
from jackfield.errors import JackfieldError, UnsupportedError
from jackfield.operations import EmbedRequest, EmbedResponse, Notice, Prompt
from jackfield.types import Embedded, EmbedEvent, Start, Usage, UsageReported

from .profiles import Profile

__all__ = ["ask_in_parts", "parts_of"]

PARTS: Final = "parts"  # the key of the ledger under which retries learn that each part has attempts of its own
IDEMPOTENCY: Final = "idempotency-key"


def parts_of(inputs: Sequence[Prompt], profile: Profile) -> list[range]:
    """The inputs that go together into one request each, in order; one range where all do.

    No text has more tokens than bytes, since each token stands for one byte at least. So a request whose bytes are
    within the limit of tokens is never refused for their number, whatever language and tokenizer.
    """
    most, most_tokens = profile.embed_inputs or inf, profile.embed_tokens or inf
    longest = profile.embed_input_tokens or inf
    if len(inputs) <= most and (most_tokens == inf or len(inputs) * longest <= most_tokens):
        return [range(len(inputs))]
    parts: list[range] = []
    first, tokens = 0, 0.0
    for index, one in enumerate(inputs):
        size = min(_bytes(one) if isinstance(one, str) else len(one), longest)  # the host refuses one that is longer
        if index > first and (index - first >= most or tokens + size > most_tokens):
            parts.append(range(first, index))
            first, tokens = index, 0.0
        tokens += size
    return [*parts, range(first, len(inputs))]


async def ask_in_parts(call: Call[EmbedRequest], parts: Sequence[range]) -> AsyncGenerator[EmbedEvent, None]:
    """Ask for one part after the other, and give the events of the whole: vectors as they come, usage so far.

    Raises:
        JackfieldError: a part failed; the message says which, and `partial` has the vectors of those before it.
    """
    ledger, sent = call.ledger, len(call.request.input)
    ledger.kept[PARTS] = True
    ledger.attempts -= 1  # this asks nobody by itself
    model: str | None = None
    usage: Usage | None = None
    try:
        for number, part in enumerate(parts):
            try:
                reply = await call.ask(_part(call, part, number))
            except JackfieldError as error:
                ledger.attempts += 1  # one at least: nothing says how many there were
                where = f"part {number + 1} of {len(parts)} (inputs {part.start} to {part.stop - 1} of {sent})"
                raise _of_part(error, where) from error
            ledger.attempts += reply.attempts
            for notice in reply.warnings:
                ledger.note(notice)
            model = model or reply.model
            if model != reply.model:
                said = f"part {number + 1} is by model {reply.model!r}: its vectors may not compare with the others"
                ledger.note(Notice("note", "model", said))
            for event in _events(reply, part.start):
                yield event
            if usage is not None or reply.usage is not None:
                usage = _sum(usage or Usage(), reply.usage or Usage()) if number else reply.usage or Usage()
                yield UsageReported(usage)
    finally:
        ledger.kept.pop(PARTS, None)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def _part(call: Call[EmbedRequest], part: range, number: int) -> EmbedRequest:
    request: Any = call.request
    return attrs.evolve(  # type: ignore[no-any-return]
        request,
        input=request.input[part.start : part.stop],
        model=str(call.target),
        extra_headers=_headers(call, request.extra_headers, number),
        unsupported=call.unsupported,
    )


def _headers(call: Call[Any], headers: Mapping[str, str] | None, number: int) -> Mapping[str, str] | None:
    # by one key for all parts, the host would answer each with the vectors of the first
    own = {IDEMPOTENCY, (call.idempotency_header or IDEMPOTENCY).lower()}
    return headers and {name: f"{text}-{number}" if name.lower() in own else text for name, text in headers.items()}


def _events(reply: EmbedResponse, offset: int) -> Iterator[EmbedEvent]:
    raw = reply.raw
    if not offset:
        # not what was left of the limits: the parts that follow take from it
        yield Start(reply.id, reply.model, reply.created, request_id=reply.request_id, raw=raw)
        raw = None
    for index, vector in enumerate(reply.vectors, offset):
        yield Embedded(index, vector, raw=raw)
        raw = None


def _sum(one: Usage, other: Usage) -> Usage:
    """What both cost together; what one of them does not state is not known of the two."""
    pairs = zip(attrs.astuple(one, recurse=False), attrs.astuple(other, recurse=False), strict=True)
    return Usage(*(None if left is None or right is None else left + right for left, right in pairs))


def _of_part(error: JackfieldError, where: str) -> JackfieldError:
    """The same error, as one of the whole call that says where it was; what all parts have in common needs no place."""
    found = copy(error)
    vars(found).update(operation=None, partial=None)
    if not isinstance(error, UnsupportedError):
        found.message = f"{where}: {error.message}"
        found.args = (found.message,)
    return found
