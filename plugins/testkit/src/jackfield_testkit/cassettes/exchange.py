"""What a cassette holds, and the file that it is kept in."""

from __future__ import annotations

import json
import os
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias

from attrs import define, field, frozen

from jackfield.errors import ConfigurationError, JackfieldError
from jackfield.http import HttpRequest, lower_names, whole, write_json
from jackfield.settings import structure

from .bodies import document, shown_body, shown_pieces

__all__ = ["BEFORE", "INSIDE", "VERSION", "Cassette", "CassetteError", "CassetteFault", "RecordedExchange"]

VERSION: Final = 1
KEY: Final = "jackfield_cassette"
SKIPPED: Final = re.compile(r"[\s,:]*")
URL: Final = re.compile(r"([a-z]+://[^/]+)(/.*)", re.DOTALL)

CassetteFault: TypeAlias = Literal[
    "refused", "unreachable", "silent", "lost", "stall", "reset", "truncated", "deadline", "left"
]
BEFORE: Final = ("refused", "unreachable", "silent", "lost", "deadline", "left")  # where no reply has begun
INSIDE: Final = ("stall", "reset", "truncated", "deadline", "left")


class CassetteError(JackfieldError):
    """A cassette is missing or broken, or what was asked is not what was recorded."""

    sent: bool = False


def _full(pieces: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(piece for piece in pieces if piece)


@frozen
class RecordedExchange:
    """One request, and what came back.

    Attributes:
        request: what was sent, with its origin and whole path, and without its credential.
        status: the status of the reply; 0 where none began.
        headers: those of the reply, with their names in lower case.
        pieces: its body, cut as it arrived. JSON is one piece.
        fault: what went wrong, or None. Before a reply: the connection was "refused" or "lost", the host
            "unreachable", the server "silent". Inside one: a "stall", a "reset", or an encoding that was "truncated".
            In either place: the call's "deadline" passed, or it was "left" by the program before its end.
    """

    request: HttpRequest
    status: int = 0
    headers: Mapping[str, str] = field(factory=dict, converter=lower_names)
    pieces: tuple[bytes, ...] = field(default=(), converter=_full, repr=False)
    fault: CassetteFault | None = None

    @property
    def body(self) -> bytes:
        """The body of the reply, as far as it was read."""
        return b"".join(self.pieces)

    def __str__(self) -> str:
        return f"{self.request.method} {self.request.origin}{self.request.path}"


@define
class Cassette:
    """Recorded exchanges, in the order in which their requests were sent.

    Attributes:
        exchanges: what was recorded.
        path: the file that it was read from or written to, if any.
    """

    exchanges: list[RecordedExchange] = field(factory=list)
    path: Path | None = None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file.

        Raises:
            CassetteError: names the file, the line, the value and what would be right.
        """
        try:
            text = Path(path).read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise CassetteError(f"{path}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise CassetteError(f"{path}, line {line}: not text in UTF-8") from None
        return cls(_exchanges(text, str(path)), Path(path))

    def save(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the file, and the folders that it lies in. What it holds should have been scrubbed; a recorder's is.

        Raises:
            CassetteError: it cannot be written.
        """
        target = self.path if path is None else Path(path)
        if target is None:
            raise CassetteError("path: expected the file to write to, as this cassette was read from none")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            aside = target.with_name(f"{target.name}.new")  # whoever reads meanwhile finds a whole file
            aside.write_bytes(f"{self}\n".encode())
            aside.replace(target)
        except OSError as error:
            raise CassetteError(f"{target}: cannot be written: {error.strerror}") from None
        self.path = target
        return target

    def __str__(self) -> str:
        """The text of the file."""
        return document({KEY: VERSION, "exchanges": [_plain(one) for one in self.exchanges]})


def _plain(one: RecordedExchange) -> dict[str, Any]:
    request = one.request
    asked = {"method": request.method, "url": request.origin + request.path, "headers": _sorted(request.headers)}
    told: dict[str, Any] = {"request": {**asked, **shown_body(whole(request.body))}}
    if one.status:
        told["reply"] = {"status": one.status, "headers": _sorted(one.headers), **shown_pieces(one.pieces)}
    if one.fault:
        told["fault"] = one.fault
    return told


def _sorted(headers: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(headers.items()))


# --- reading


def _bytes(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name}: half of a surrogate pair is no text") from None


def _binary(name: str, text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise ConfigurationError(f"{name}: expected base64") from None


@frozen
class _Binary:
    base64: str


@frozen(kw_only=True)
class _Body:
    headers: Mapping[str, str] = field(factory=dict)
    json: Any = None
    text: str | None = None
    base64: str | None = None

    def data(self) -> bytes:
        given = [name for name in ("json", "text", "base64") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ConfigurationError(f"{given[1]}: there is {given[0]} as well; expected one of them")
        if self.json is not None:
            try:
                return write_json(self.json)
            except (UnicodeEncodeError, JackfieldError):
                raise ConfigurationError("json: it holds what JSON cannot carry") from None
        return _bytes("text", self.text) if self.text is not None else _binary("base64", self.base64 or "")


@frozen(kw_only=True)
class _Request(_Body):
    method: str
    url: str
    made: HttpRequest = field(init=False)

    def __attrs_post_init__(self) -> None:
        found = URL.fullmatch(self.url)
        if found is None:
            raise ConfigurationError(f"url: expected one like 'https://host/v1/path', got {self.url!r}")
        made = HttpRequest(self.method, found[2], self.headers, self.data(), origin=found[1])
        object.__setattr__(self, "made", made)


@frozen(kw_only=True)
class _Reply(_Body):
    status: int
    pieces: list[str | _Binary] | None = None
    made: tuple[bytes, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        if not 100 <= self.status <= 599:
            raise ConfigurationError(f"status: expected an HTTP status from 100 to 599, got {self.status!r}")
        whole = self.data()
        if whole and self.pieces is not None:
            raise ConfigurationError("pieces: there is a whole body as well; expected one of them")
        cut = [
            _bytes(f"pieces[{index}]", one) if isinstance(one, str) else _binary(f"pieces[{index}]", one.base64)
            for index, one in enumerate(self.pieces or ())
        ]
        object.__setattr__(self, "made", _full([whole, *cut]))


@frozen
class _Exchange:
    request: _Request
    reply: _Reply | None = None
    fault: CassetteFault | None = None

    def __attrs_post_init__(self) -> None:
        if self.reply is None and self.fault not in BEFORE:
            expected = f"a reply, or a fault that comes before one: {', '.join(BEFORE)}"
            raise ConfigurationError(f"fault: expected {expected}; got {self.fault or 'neither'}")
        if self.reply is not None and self.fault not in {None, *INSIDE}:
            expected = f"a fault inside the reply: {', '.join(INSIDE)}"
            raise ConfigurationError(f"fault: expected {expected}; or no reply beside it, got {self.fault!r}")


@frozen
class _File:
    jackfield_cassette: int
    exchanges: list[_Exchange]


def _exchanges(text: str, name: str) -> list[RecordedExchange]:
    try:
        table = json.loads(text)
    except json.JSONDecodeError as error:
        raise CassetteError(f"{name}, line {error.lineno}: not valid JSON: {error.msg}") from None
    except (ValueError, RecursionError):
        raise CassetteError(f"{name}: not valid JSON: it is nested too deeply, or has a number without end") from None
    version = table.get(KEY) if isinstance(table, dict) else None
    if version != VERSION:
        what = f"expected the version of this format, {KEY!r}: {VERSION}"
        line = _line(text, (KEY,))
        raise CassetteError(f"{name}, line {line}: {what}, got {'none' if version is None else repr(version)}")
    try:
        file = structure(_File, table, "")
    except ConfigurationError as error:
        raise CassetteError(f"{name}, line {_line(text, error.key or ())}: {error.message}") from None
    return [
        RecordedExchange(one.request.made, 0, fault=one.fault)
        if one.reply is None
        else RecordedExchange(one.request.made, one.reply.status, one.reply.headers, one.reply.made, one.fault)
        for one in file.exchanges
    ]


def _line(text: str, path: Iterable[str | int]) -> int:
    """The line of a value, or of the innermost one around it that there is."""
    at = _skip(text, 0)
    for part in path:
        inner = _member(text, at, part)
        if inner is None:
            break
        at = inner
    return text.count("\n", 0, at) + 1


def _member(text: str, at: int, part: str | int) -> int | None:
    decode = json.JSONDecoder().raw_decode
    opening, index = text[at : at + 1], 0
    if opening not in {"{", "["}:
        return None
    at = _skip(text, at + 1)
    while text[at] not in "}]":
        key: str | int = index
        if opening == "{":
            key, at = decode(text, at)
            at = _skip(text, at)
        if key == part:
            return at
        at = _skip(text, decode(text, at)[1])
        index += 1
    return None


def _skip(text: str, at: int) -> int:
    found = SKIPPED.match(text, at)
    return at if found is None else found.end()
