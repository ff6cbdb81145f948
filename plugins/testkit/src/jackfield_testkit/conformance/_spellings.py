"""The same reply as another server would write it, and two replies that come at the same time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from attrs import evolve

from jackfield.types import Event, TextDelta

from ._cases import expect, told
from ._exchanges import Outcome, decoder_of
from ._samples import Sample
from ._shapes import Payloads

__all__ = ["check_languages", "check_side_by_side", "check_spellings"]

# white space at both ends, characters of several bytes, and two that some take for the end of a line
BEFORE: Final = " \n"
BEHIND: Final = " \u00e9\u2028\u0085\N{SNOWMAN}\N{GRINNING FACE}\n "
EVENT_STREAM: Final = "text/event-stream"
PIECE: Final = 7  # bytes, so that events are cut


def _spelled(body: bytes) -> Iterator[tuple[str, bytes]]:
    """A stream of server-sent events in other spellings of its specification."""
    lines = body.replace(b"\r\n", b"\n")
    yield "with lines that end in CR LF", lines.replace(b"\n", b"\r\n")
    yield "with lines that end in CR", lines.replace(b"\n", b"\r")
    yield "without the space behind `data:`", lines.replace(b"data: ", b"data:")
    yield "with a byte-order mark", b"\xef\xbb\xbf" + lines
    yield "with comments between the events", b": alive\n\n" + lines.replace(b"\n\n", b"\n\n: alive\n\n")
    yield "with fields beside `data`", lines.replace(b"\ndata:", b"\nid: 7\nunheard-of: x\ndata:")
    yield "with data on several lines", b"\n".join(map(_broken, lines.split(b"\n")))


def _broken(line: bytes) -> bytes:
    """A line of data as several, cut between two members of its JSON."""
    try:
        value = json.loads(line.removeprefix(b"data:")) if line.startswith(b"data:") else None
    except ValueError:
        return line
    if value is None:
        return line
    return b"\n".join(b"data: " + part.encode() for part in json.dumps(value, indent=1).split("\n"))


def _types(sample: Sample, *, streaming: bool) -> Iterator[Sample]:
    """The sample with other spellings of the content type."""
    kind = sample.head(streaming=streaming)["content-type"].partition(";")[0]
    for other in (f"{kind}; charset=utf-8", kind.title()):
        yield evolve(sample, stream_type=other) if streaming else evolve(sample, content_type=other)


def check_spellings(provider: Any, sample: Sample, *, streaming: bool) -> None:
    """See that another spelling of the same reply gives the same events."""
    body = sample.body(streaming=streaming) or b""
    whole = Outcome(provider, sample, [body], streaming=streaming).events
    for other in _types(sample, streaming=streaming):
        found = Outcome(provider, other, [body], streaming=streaming).said
        rule = (
            f"with the content type {other.head(streaming=streaming)['content-type']!r}, the events are {told(found)}"
        )
        expect(found == (whole, None), f"{rule}; they were {told(whole)}")
    if not streaming or not sample.stream_type.startswith(EVENT_STREAM):
        return
    for how, spelled in _spelled(body):
        found = Outcome(provider, sample, [spelled], streaming=True).said
        expect(found == (whole, None), f"{how}, the events are {told(found)}; they were {told(whole)}")


def check_languages(provider: Any, sample: Sample, *, streaming: bool) -> None:
    """See that text of every alphabet comes through, wherever its characters are cut."""
    body = sample.body(streaming=streaming) or b""
    events = Outcome(provider, sample, [body], streaming=streaming).events
    texts = {event.text for event in events if isinstance(event, TextDelta) and event.text}
    spelled = body
    for text in texts:
        spelled = Payloads(spelled, streaming=streaming).map_leaves(text, BEFORE + text + BEHIND)
    changed = [new for text in texts if _json(new := BEFORE + text + BEHIND) in spelled]
    if not changed:
        return
    whole = Outcome(provider, sample, [spelled], streaming=streaming)
    expect(whole.error is None, f"with text of other alphabets the reply is an error: {whole.error!r}")
    found = _text(whole.events)
    for new in changed:
        expect(new in found, f"the text {new!r} is not as it was: {told(found)}")
    pieces = [spelled[at : at + 1] for at in range(len(spelled))]
    cut = Outcome(provider, sample, pieces, streaming=streaming)
    rule = f"byte by byte, text of other alphabets gives the events {told(cut.events)}"
    expect(cut.facts == whole.facts, f"{rule}; in one piece they are {told(whole.events)}")
    _check_blank(provider, sample, body, events, streaming=streaming)


def _check_blank(provider: Any, sample: Sample, body: bytes, events: Sequence[Any], *, streaming: bool) -> None:
    """See that a piece of text that is white space alone is text as well."""
    texts = [event.text for event in events if isinstance(event, TextDelta)]
    blank = Payloads(body, streaming=streaming).map_leaves(texts[-1], BEFORE)
    if len(set(texts)) < 2 or _json(BEFORE) not in blank:
        return
    found = _text(Outcome(provider, sample, [blank], streaming=streaming).events)
    wanted = "".join(BEFORE if text == texts[-1] else text for text in texts)
    expect(found == wanted, f"with a piece {BEFORE!r} the text must be {told(wanted)}; it is {told(found)}")


def _text(events: Sequence[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def _json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()


def check_side_by_side(provider: Any, sample: Sample, *, streaming: bool) -> None:
    """See that two calls of one provider, whose replies come in turns, share nothing."""
    body = sample.body(streaming=streaming) or b""
    alone = Outcome(provider, sample, [body], streaming=streaming).events
    pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)]
    both = [(decoder_of(provider, sample, pieces, streaming=streaming), list[Event]()) for _ in range(2)]
    rule = "of two calls at once, one gets another reply than alone: keep what belongs to a call in its decoder"
    for piece in (*pieces, None):
        for (decoder, fed), events in both:
            if decoder.done:
                continue
            try:
                got = decoder.end() if piece is None else decoder.feed(piece) if fed else ()
                events.extend(got)
            except Exception as error:
                raise AssertionError(f"{rule}; it gets {error!r}") from error
    for _, events in both:
        expect(events == alone, f"{rule}; it gets {told(events)}, and alone {told(alone)}")
