"""HTTP as plain values: no library's types, so that providers stay pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, Protocol

from attrs import field, frozen

from .errors import BadRequestError, MalformedReplyError

__all__ = ["Body", "HttpRequest", "HttpResponse", "lower_names", "read_json", "whole", "write_json"]


def lower_names(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with their names in lower case, as every part of the library knows them."""
    return {name.lower(): value for name, value in headers.items()}


class Body(Protocol):
    """A body that is read while it is sent, and from its beginning each time: that of a large file, for one.

    A piece is read when there is room for it, in a thread under async. What goes wrong there is a JackfieldError.
    """

    def __len__(self) -> int:
        """How many bytes it has."""

    def __iter__(self) -> Iterator[bytes]:
        """Its bytes, in pieces of a megabyte at most, none of them empty."""


def whole(body: bytes | Body) -> bytes:
    """The bytes of a body, which is read whole into memory."""
    return body if isinstance(body, bytes) else b"".join(body)


@frozen
class HttpRequest:
    """What a provider asks to be sent.

    Attributes:
        method: "GET", "POST", ...
        path: begins with "/" and is appended to the provider's base URL; may end in a query.
        headers: beyond those that the engine adds (host, length, credentials); names become lower case.
        body: the bytes to send, or a `Body` that is read while it is sent.
        read: whether the exchange wants the body of the reply whole, in `HttpResponse.body`.
        after: seconds to wait before sending (a poll).
        origin: scheme, host and port that it goes to. A provider leaves it empty: its endpoint says it.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(factory=dict, converter=lower_names, repr=False)
    body: bytes | Body = field(default=b"", repr=False)
    read: bool = False
    after: float = 0.0
    origin: str = ""


@frozen
class HttpResponse:
    """A reply: its head, and its body where that was read whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(factory=dict, converter=lower_names)
    body: bytes | None = field(default=None, repr=False)

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case; empty where none was sent."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse)
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def read_json(data: bytes | str, what: str = "reply") -> Any:
    """Decode JSON as RFC 8259 defines it: UTF-8, without NaN and Infinity.

    Raises:
        MalformedReplyError: says what is wrong and where, and quotes the beginning.
    """
    try:
        text = data if isinstance(data, str) else data.decode()
        value, end = _decoder.raw_decode(text := text.removeprefix("\ufeff").strip(" \t\r\n"))
        return value if end == len(text) else _decoder.decode(text)  # which says what is too much
    except (ValueError, RecursionError) as error:
        what = f"the {what} is not JSON ({type(error).__name__}: {error}): {data[:80]!r}"
    # outside of the handler: the reader's own error holds the whole reply, which may quote a key
    raise MalformedReplyError(what)


def write_json(value: Any) -> bytes:
    """Encode JSON compactly; the same value always gives the same bytes.

    Raises:
        BadRequestError: the value has something that JSON cannot carry.
    """
    try:
        return _encoder.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequestError(f"the request cannot be written as JSON: {error}") from None
