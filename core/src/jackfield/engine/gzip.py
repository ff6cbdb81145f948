"""Unpacks gzip in bounded pieces, so that a bomb meets the bound of whoever reads before it fills the memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from ..errors import MalformedReplyError

__all__ = ["Gzip"]

PIECE: Final = 64 * 1024
MAGIC: Final = b"\x1f\x8b"


class Gzip:
    """A push decoder of RFC 1952, members one after another included."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def complete(self) -> bool:
        """Whether the bytes may end here."""
        return self._member.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpack more, piece by piece.

        Raises:
            MalformedReplyError: this is not gzip, or something else follows it.
        """
        while data:
            if self._member.eof:
                if not data.startswith(MAGIC[: len(data)]):
                    raise MalformedReplyError(f"the reply goes on after its gzip encoding: {data[:20]!r}")
                self._member = zlib.decompressobj(wbits=31)
            yield from self._pieces(data)
            data = self._member.unused_data

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = self._member.decompress(data, PIECE)
            except zlib.error as error:
                raise MalformedReplyError(f"the reply is not valid gzip: {error}") from None
            data = self._member.unconsumed_tail
            if piece:
                yield piece
            if not data and len(piece) < PIECE:
                return
