"""Replies that are cut, torn and twisted, made from those that an author gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, TypeAlias

import attrs

from ._cases import expect, told
from ._exchanges import AskedForMoreError, Outcome, leaves
from ._samples import Sample

__all__ = ["KEPT", "Payloads", "check_twisted", "cuts", "holds", "places", "with_more"]

KEPT: Final = "kept-7c31"
MOST: Final = 1500  # of a long reply, so many places stand for all
EVERY = 1  # of so many places one is tried
HUGE: Final = 10**309  # no float can be so large
STAND_INS: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0.5,
    HUGE,
    "",
    "unheard-of",
    [],
    {},
    [None],
    [[]],
    {"unheard": "of"},
)

Path: TypeAlias = tuple[Any, ...]


def places(length: int) -> Iterable[int]:
    """Where to cut something of this length: everywhere, or at places spread over a long one and at its end."""
    step = _step(length)
    return range(1, length) if step == 1 else sorted({*range(1, length, step), *range(max(1, length - 100), length)})


def _step(length: int) -> int:
    return EVERY if length <= MOST else EVERY * (length // MOST + 1)


def cuts(body: bytes) -> Iterator[list[bytes]]:
    """The same bytes in pieces: one by one, and in two at every place."""
    yield [body[at : at + 1] for at in range(len(body))]
    for at in places(len(body)):
        yield [body[:at], body[at:]]


def _lines(body: bytes, *, streaming: bool) -> list[bytes]:
    return body.split(b"\n") if streaming else [body]


def _payload(line: bytes, *, streaming: bool) -> Any:
    if streaming and not line.startswith(b"data:"):
        raise ValueError("no line of data")
    return json.loads(line.removeprefix(b"data:").strip() if streaming else line)


@lru_cache(maxsize=1000)  # of the lines of a stream, a twist changes one
def _leaves_in(line: bytes, *, streaming: bool) -> frozenset[str]:
    """Every text, number and constant of a line, as JSON."""
    try:
        return frozenset(map(json.dumps, leaves(_payload(line, streaming=streaming))))
    except ValueError:
        return frozenset()


class Payloads:
    """The JSON of a reply: one document, or the data of each server-sent event."""

    def __init__(self, body: bytes, *, streaming: bool) -> None:
        self._streaming = streaming
        self._lines = _lines(body, streaming=streaming)
        self.values: dict[int, Any] = {}
        for number, line in enumerate(self._lines):
            with suppress(ValueError):
                self.values[number] = _payload(line, streaming=streaming)

    def with_value(self, number: int, value: Any) -> bytes:
        """The reply with another payload in the place of one."""
        lines = [*self._lines]
        lines[number] = (b"data: " if self._streaming else b"") + json.dumps(value).encode()
        return b"\n".join(lines)

    def paths(self) -> Iterator[tuple[int, Path]]:
        """Every place in every payload."""
        for number, value in self.values.items():
            for path in _paths(value):
                yield number, path

    def changed(self, number: int, change: Callable[[Any], Any]) -> bytes:
        """The reply with a payload that a function has changed, or given anew."""
        # read anew, which is quicker than a copy
        value = _payload(self._lines[number], streaming=self._streaming)
        return self.with_value(number, change(value))

    def map_leaves(self, old: Any, new: Any) -> bytes:
        """The reply with another value wherever there is this one."""
        lines = [*self._lines]
        for number, value in self.values.items():
            spelled = json.dumps(_mapped(value, old, new), ensure_ascii=False)
            lines[number] = (b"data: " if self._streaming else b"") + spelled.encode(errors="replace")
        return b"\n".join(lines)


def _mapped(value: Any, old: Any, new: Any) -> Any:
    match value:
        case dict():
            return {key: _mapped(item, old, new) for key, item in value.items()}
        case list():
            return [_mapped(item, old, new) for item in value]
    return new if type(value) is type(old) and value == old else value


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(item, (*path, key))


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def replaced(path: Path, new: Any) -> Callable[[Any], Any]:
    """A change: another value at a place."""

    def change(value: Any) -> Any:
        if not path:
            return new
        _at(value, path[:-1])[path[-1]] = new
        return value

    return change


def removed(path: Path) -> Callable[[Any], Any]:
    """A change: nothing at a place."""

    def change(value: Any) -> Any:
        del _at(value, path[:-1])[path[-1]]
        return value

    return change


def with_more(path: Path) -> Callable[[Any], Any]:
    """A change: one more field in the object at a place."""

    def change(value: Any) -> Any:
        _at(value, path)["jackfield_unheard_of"] = KEPT
        return value

    return change


def twisted(payloads: Payloads) -> Iterator[tuple[str, bytes]]:
    """Replies with something else, or nothing, at each place; and what was done."""
    found = list(payloads.paths())
    for number, path in found[:: _step(len(found))]:
        for new in STAND_INS:
            yield (
                f"{_told(path)} is {'10**309' if new is HUGE else repr(new)}",
                payloads.changed(number, replaced(path, new)),
            )
        if path:
            yield f"{_told(path)} is left out", payloads.changed(number, removed(path))


def _told(path: Path) -> str:
    return "".join(f"[{key!r}]" for key in path) or "the whole payload"


def invented(outcome: Outcome, body: bytes, *, streaming: bool, unstated: bool) -> str | None:
    """What a response says that its reply does not: a finish reason, which may go unstated, or numbers of use."""
    there = frozenset[str]().union(
        *(_leaves_in(line, streaming=streaming) for line in _lines(body, streaming=streaming))
    )
    for choice in getattr(outcome.response, "choices", ()):
        finish = choice.finish
        if finish is None:
            continue
        if finish.raw is not None and json.dumps(finish.raw) not in there:
            return f"the finish {told(finish)}, whose raw reason is nowhere in it"
        if finish.raw is None and finish.unified not in {"other", "error"} and not unstated:
            return f"the finish {told(finish)}, for which it gives no reason"
    usage = outcome.response.usage
    for one in () if usage is None else attrs.fields(type(usage)):
        if getattr(usage, one.name) == 0 and not there & {"0", "0.0"}:
            return f"`usage.{one.name}` of 0, which nobody counted"
    return None


def _unstated(sample: Sample) -> bool:
    """Whether the author says that this service gives no reason."""
    finish = sample.says.get("finish")
    return finish is not None and finish.raw is None


def holds(value: Any, mark: str) -> bool:
    """Whether a text stands anywhere within a value."""
    match value:
        case str():
            return mark in value
        case dict():
            return any(holds(one, mark) for pair in value.items() for one in pair)
        case list() | tuple():
            return any(holds(one, mark) for one in value)
    return attrs.has(type(value)) and any(holds(getattr(value, one.name), mark) for one in attrs.fields(type(value)))


def check_twisted(provider: Any, sample: Sample, *, streaming: bool) -> None:
    """See that no twist of a reply is an error of a foreign kind, or makes the provider say what it does not."""
    body = sample.body(streaming=streaming) or b""
    payloads = Payloads(body, streaming=streaming)
    unstated = _unstated(sample) or not any(True for value in payloads.values.values() for _ in leaves(value))
    expect(payloads.values, "the sample holds no JSON: waive this case where the wire has none")
    for what, twist in twisted(payloads):
        try:
            outcome = Outcome(provider, sample, [twist], streaming=streaming)
        except AskedForMoreError:
            continue  # a page that does not say that it is the last may have another behind it
        except AssertionError:
            raise
        except Exception as error:
            rule = f"where {what}, the provider failed with {error!r}: it must be a JackfieldError, or be read past"
            raise AssertionError(rule) from error
        if outcome.error is None:
            more = invented(outcome, twist, streaming=streaming, unstated=unstated)
            expect(more is None, f"where {what}, the response has {more}")
