"""Embeddings in OpenAI's words: requests in both directions, replies as our events.

Vectors are asked for as base64, which costs a fraction of what decimal numbers cost to read; whatever comes is read.
"""

from __future__ import annotations

import sys
from array import array
from binascii import Error as Base64Error, a2b_base64
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Final

from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.http import HttpResponse
from jackfield.operations import EmbedRequest
from jackfield.types import Embedded, EmbedEvent, Start, Usage, UsageReported

from .bodies import add_fields, read_request, wire_prompts
from .destination import Destination
from .errors import check_reply, lacking
from .headers import rate_limit, request_id
from .reading import fact, field, objects
from .requests import add_options
from .usage import find_usage

__all__ = ["EmbeddingReader", "embedding_body", "read_embed_request", "unpacked"]

NAMES: Final[Mapping[str, str]] = {"dimensions": "dimensions", "user": "user"}
# with these, what is packed are other numbers than ours, so it is better not to have them packed
OTHER_NUMBERS: Final = ("output_dtype", "embed_dtype", "endianness")
OUR_NUMBERS: Final = (None, "float", "float32", "little")
ENOUGH: Final = 32


def embedding_body(to: Destination) -> dict[str, Any]:
    """The body of POST /embeddings. Vectors are asked for as base64, unless an option or the profile says otherwise.

    Raises:
        BadRequestError: the request contradicts itself.
        UnsupportedError: names what cannot be carried, where the caller does not allow that it is left out.
    """
    body: dict[str, Any] = {"model": to.call.target.model, "input": wire_prompts(to.fields.take("input"))}
    add_fields(body, to, NAMES)
    add_options(body, to, stream=False)
    other = next((name for name in OTHER_NUMBERS if body.get(name) not in OUR_NUMBERS), None)
    if other and body.get("encoding_format") == "base64":
        raise BadRequestError(f"{other}: with it, packed numbers cannot be told apart; ask for encoding_format 'float'")
    if to.profile.base64 and not other:
        body.setdefault("encoding_format", "base64")
    to.fields.report_rest("the host has no such parameter")
    return body


def read_embed_request(body: Mapping[str, Any], plugin: str = "openai") -> EmbedRequest:
    """Read the body of POST /embeddings.

    What we have no word for goes to the options of this plugin, as it is. Null is not set. Nothing is changed.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """
    return read_request(EmbedRequest, "input", body, NAMES, plugin)


class EmbeddingReader:
    """Reads a list of vectors.

    `expected` is how many there must be, `dimensions` how long they were asked to be.
    """

    def __init__(self, head: HttpResponse, expected: int | None = None, dimensions: int | None = None) -> None:
        """Begin a reply with this head."""
        self._head = head
        self._expected = expected
        self._dimensions = dimensions

    def whole(self, payload: Any) -> Iterator[EmbedEvent]:
        """The events of a reply, which is one document.

        Raises:
            JackfieldError: the document is an error, or has no vectors, or not those of the inputs.
        """
        check_reply(payload, self._head)
        items = objects(payload, "data")
        if not items:
            raise lacking("vectors", payload, self._head)
        indexes = self._indexes(items)
        vectors = [self._vector(item, index) for item, index in zip(items, indexes, strict=True)]
        yield self._start(payload)
        for index, vector in sorted(zip(indexes, vectors, strict=True), key=lambda pair: pair[0]):
            yield Embedded(index, vector)
        if usage := _usage(payload):
            yield UsageReported(usage)

    def _start(self, payload: Mapping[str, Any]) -> Start:
        headers = self._head.headers
        return Start(
            fact(payload, "id", str),
            fact(payload, "model", str),
            fact(payload, "created", int, float),
            request_id=request_id(headers),
            rate_limit=rate_limit(headers),
            raw=payload,
        )

    def _indexes(self, items: list[dict[str, Any]]) -> list[int]:
        # a vector that goes to another text is worse than none: whatever is not clear is refused
        indexes: list[int] = []
        for position, item in enumerate(items):
            index = field(item, "index", int)
            indexes.append(position if index is None else index)
        expected = len(items) if self._expected is None else self._expected
        seen: set[int] = set()
        for index in indexes:
            if index in seen:
                raise MalformedReplyError(f"data: two vectors for input {index}")
            if not 0 <= index < max(expected, len(items)) or (self._expected is not None and index >= expected):
                raise MalformedReplyError(f"data: a vector for input {index}, and there are {expected} inputs")
            seen.add(index)
        return indexes

    def _vector(self, item: Mapping[str, Any], index: int) -> array[float]:
        where = f"data[{index}].embedding"
        value = item.get("embedding")
        if type(value) is str:
            return unpacked(value, where, self._dimensions)
        if type(value) is not list or not value:
            raise MalformedReplyError(f"{where}: expected numbers or base64, got {type(value).__name__}")
        if type(value[0]) is list:
            raise MalformedReplyError(
                f"{where}: expected one vector, got {len(value)}, one for each token; the server must be told to pool "
                "them (llama.cpp: --pooling mean, llama-cpp-python: pooling_type)"
            )
        try:
            vector = array("d", value)
        except (TypeError, OverflowError) as error:
            raise MalformedReplyError(f"{where}: expected numbers: {error}") from None
        if not isfinite(sum(vector)):
            _check(vector, where)
        return vector


def unpacked(text: str, where: str = "embedding", dimensions: int | None = None) -> array[float]:
    """A vector from base64: of type "f", or "d" where the server packed its numbers in 64 bits, as old vLLM does.

    Raises:
        MalformedReplyError: it is not base64, not whole numbers of bytes, or holds a NaN or an infinity.
    """
    try:
        data = a2b_base64(text, strict_mode=True)
    except (ValueError, Base64Error):
        data = _mended(text, where)
    wide = _is_wide(data, dimensions)
    size = 8 if wide else 4
    if not data or len(data) % size:
        raise MalformedReplyError(f"{where}: {len(data)} bytes are no vector: expected a multiple of {size}")
    vector = array("d" if wide else "f")
    vector.frombytes(data)
    if sys.byteorder == "big":
        vector.byteswap()
    top = data[size - 1 :: size]  # sign and exponent; of a NaN or an infinity, all bits of the exponent are set
    if b"\x7f" in top or b"\xff" in top:
        _check(vector, where)
    return vector


def _mended(text: str, where: str) -> bytes:
    # white space, and padding that was left out, are nothing of the numbers
    joined = "".join(text.split())
    try:
        return a2b_base64(joined + "=" * (-len(joined) % 4), strict_mode=True)
    except (ValueError, Base64Error) as error:
        raise MalformedReplyError(f"{where}: not base64: {error}") from None


def _is_wide(data: bytes, dimensions: int | None) -> bool:
    """Whether numbers of 64 bits were packed, where 32 were meant; nothing in the reply says so.

    Where the length was asked for, it tells. Otherwise the bits tell: models compute in 32 bits or less, so that of
    each 64 the lowest 29 are 0. No vector of numbers of 32 bits has that at every other place, and numbers between.
    """
    if dimensions is not None and len(data) in (4 * dimensions, 8 * dimensions):
        return len(data) == 8 * dimensions
    count, rest = divmod(len(data), 8)
    if rest or count < ENOUGH or any(data[0::8]) or any(data[1::8]) or any(data[2::8]):
        return False
    if any(byte & 0x1F for byte in data[3::8]):
        return False
    return data[7::8].count(0) + data[7::8].count(0x80) < count // 2


def _check(vector: array[float], where: str) -> None:
    for place, number in enumerate(vector):
        if not isfinite(number):
            raise MalformedReplyError(f"{where}[{place}]: expected a number, got {number}")


def _usage(payload: Mapping[str, Any]) -> Usage | None:
    usage = find_usage(payload)
    if usage is not None and usage.input_tokens is None and usage.output_tokens is None:
        # Voyage states the total alone; there is nothing in it but the input
        total = fact(payload["usage"], "total_tokens", int) if type(payload.get("usage")) is dict else None
        return Usage(total, cost=usage.cost)
    return usage
