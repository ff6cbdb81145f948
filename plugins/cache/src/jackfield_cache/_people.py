"""What people are shown of an entry: the request and the events as names and values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ._codec import TAGGED, Script
from ._entry import BadEntryError
from ._key import SECRET

__all__ = ["events_shown", "request_shown"]


def request_shown(told: Sequence[Any]) -> dict[str, Any]:
    """A request from the tokens of its form, see `_key`; of what may hold a secret there are only names.

    Raises:
        BadEntryError: it is of another form.
    """
    try:
        tokens, hidden = told
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
                if raw := next(raws, ""):
                    shown["raw"] = json.loads(raw.removeprefix(TAGGED))
                yield kind, shown
    except Exception as error:  # noqa: BLE001 - whoever can write to a store may have written anything
        raise BadEntryError(f"{type(error).__name__}: {error}") from None


def _value(tokens: Iterator[Any]) -> Any:
    token = next(tokens)
    if type(token) is str:
        name, plain, others = token.rsplit(" ", 2)
        shown = {"type": name.rpartition(".")[2], **{name: next(tokens) for name in plain.split(",") if name}}
        for name in others.split(","):
            if name and name not in SECRET and (value := _value(tokens)) != []:
                shown[name] = value
        return shown
    if type(token) is int:
        return [_value(tokens) for _ in range(token)]
    match token:
        case [value]:
            return value
        case ["dictionary", size]:
            return {str(_value(tokens)): _value(tokens) for _ in range(size)}
    return f"<{token[0]}>"
