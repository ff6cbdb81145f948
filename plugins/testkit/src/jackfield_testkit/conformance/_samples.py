"""What an author gives a suite for providers: replies of the service, and what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias

from attrs import field, frozen

from jackfield.errors import ConfigurationError, JackfieldError
from jackfield.http import HttpResponse
from jackfield.operations import Request

from ..cassettes import Cassette

__all__ = ["Refusal", "Sample"]

Bytes: TypeAlias = "bytes | str | Path | Mapping[str, Any] | list[Any]"


def _bytes(value: Any) -> bytes | None:
    match value:
        case None | bytes():
            return value
        case str():
            return value.encode()
        case Path():
            return value.read_bytes()
    return json.dumps(value).encode()


@frozen(kw_only=True)
class Sample:
    """One request, the service's reply to it, whole or streamed or both, and what that says.

    Where both are given they must say the same, and the suite sees to it that the provider reads the same from them.

    Attributes:
        name: what the cases are called by.
        request: what is asked for.
        reply: the body of the reply that is not streamed: bytes, text, a file, or JSON as Python values.
        stream: the body of the streamed one.
        says: what the response must say, by the names of its attributes:
            `{"text": "Hello", "finish": Finish("stop", "end"), "usage": Usage(3, 5)}`.
            A function in place of a value is asked whether it is right.
        first: the replies to earlier requests of the same exchange, where it has several round trips, as the pages of
            a list have; `reply` is that of the last.
        headers: of the reply, beside its content type.
        content_type: that of the reply that is not streamed.
        stream_type: that of the streamed one.
    """

    name: str
    request: Request[Any, Any]
    reply: bytes | None = field(default=None, converter=_bytes, repr=False)
    stream: bytes | None = field(default=None, converter=_bytes, repr=False)
    says: Mapping[str, Any]
    first: Sequence[HttpResponse] = ()
    headers: Mapping[str, str] = field(factory=dict)
    content_type: str = "application/json"
    stream_type: str = "text/event-stream"

    @classmethod
    def recorded(
        cls,
        name: str,
        request: Request[Any, Any],
        *,
        says: Mapping[str, Any],
        reply: Path | None = None,
        stream: Path | None = None,
    ) -> Self:
        """A sample from cassettes, one of the whole reply, one of the streamed one, or both.

        The last exchange of a cassette is the reply, and those before it are the earlier ones of the same exchange.

        Raises:
            CassetteError: a file is no cassette.
            ConfigurationError: a cassette holds no whole reply with a status of 2xx at its end.
        """
        found: dict[str, Any] = {}
        for form, path in (("reply", reply), ("stream", stream)):
            if path is None:
                continue
            *before, last = Cassette.load(path).exchanges or (None,)
            if last is None or last.fault is not None or not 200 <= (last.status or 0) < 300:
                raise ConfigurationError(f"{path}: expected a whole reply with a status of 2xx at its end")
            kind = "content_type" if form == "reply" else "stream_type"
            headers = dict(last.headers)
            found |= {form: last.body, kind: headers.pop("content-type", ""), "headers": headers}
            found["first"] = [HttpResponse(one.status, one.headers, one.body) for one in before]
        return cls(name=name, request=request, says=says, **found)

    def body(self, *, streaming: bool) -> bytes | None:
        """One of the two bodies."""
        return self.stream if streaming else self.reply

    def head(self, *, streaming: bool) -> dict[str, str]:
        """The headers of the reply."""
        return {"content-type": self.stream_type if streaming else self.content_type, **self.headers}

    @property
    def forms(self) -> list[bool]:
        """Whether streamed, for each of the bodies that there are."""
        return [streaming for streaming in (False, True) if self.body(streaming=streaming) is not None]


@frozen(kw_only=True)
class Refusal:
    """An error of the service, and what it must become.

    Attributes:
        name: what the case is called by.
        error: the class of the error.
        reply: the body, where the status is not 2xx.
        stream: the bytes of a stream with status 200 that holds the error.
        status: the status of the reply.
        headers: of the reply.
        says: what the error must say, by the names of its attributes: `{"code": "rate_limit", "retry_after": 7.0}`.
    """

    name: str
    error: type[JackfieldError]
    reply: bytes | None = field(default=None, converter=_bytes, repr=False)
    stream: bytes | None = field(default=None, converter=_bytes, repr=False)
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    says: Mapping[str, Any] = field(factory=dict)
