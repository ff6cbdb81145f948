"""What people are shown of an entry: the request and the events as names and values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._codec import TAGGED, Script
from ._entry import BadEntryError
from ._json import dumps, loads
from ._key import SAID, SECRET, Form

__all__ = ["events_shown", "request_shown", "request_told"]


def request_told(request: Any, form: Form) -> bytes:
    """The JSON of what people may see of a request: the tokens of its form, and names of what may hold a secret."""
    hidden = {}
    if form.hidden is not None:
        given = ((name, getattr(request, name, None)) for name in (*sorted(SECRET), "options"))
        hidden = {name: sorted(map(str, value)) for name, value in given if value}
    return dumps((list(form), hidden))


def request_shown(told: bytes) -> dict[str, Any]:
    """A request from what `request_told` gave, as names and values.

    Raises:
        BadEntryError: it gave something else.
    """
    try:
        tokens, hidden = loads(told)
        shown = _value(iter(tokens))
        del shown["type"]
        return {**shown, **hidden}
    except Exception as error:  # noqa: BLE001 - whoever can write to a store may have written anything
        raise BadEntryError(f"{type(error).__name__}: {error}") from None


def events_shown(script: Script) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and fields of each event, without those that were not set.

    Raises:
        BadEntryError: they are of another form.
    """
    raws = iter(script.raws)
    try:
        for told, rows in script.runs:
            kind, *names = told.split(" ")
            for row in rows:
                shown = {name: value for name, value in zip(names, row, strict=True) if value not in (None, 0)}
                if raw := next(raws, b""):
                    shown["raw"] = loads(raw.removeprefix(TAGGED))
                yield kind, shown
    except Exception as error:  # noqa: BLE001 - whoever can write to a store may have written anything
        raise BadEntryError(f"{type(error).__name__}: {error}") from None


def _value(tokens: Iterator[Any]) -> Any:
    token = next(tokens)
    if type(token) is str:
        name, plain, others = token.rsplit(" ", 2)
        shown = {"type": name.rpartition(".")[2], **{name: next(tokens) for name in plain.split(",") if name}}
        if token == SAID:
            shown["parts"] = [{"type": "Text", "text": shown.pop("said")}]
        for name in others.split(","):
            if name and name not in SECRET and (value := _value(tokens)) != []:
                shown[name] = value
        return shown
    if type(token) is int:
        return [_value(tokens) for _ in range(token)]
    match token:
        case [value]:
            return value
        case ["list", _, *values]:
            return values
        case ["dictionary", size]:
            return {str(_value(tokens)): _value(tokens) for _ in range(size)}
    return f"<{token[0]}>"
