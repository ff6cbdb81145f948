"""What the rooms of the fake are made of: what is asked, what is answered, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import define, field, frozen

from jackfield.http import HttpRequest, HttpResponse, whole

from .forms import Form, read_form

if TYPE_CHECKING:
    from .fake import FakeOpenAI

__all__ = ["Asked", "FakeReply", "Fault", "Loss", "Room", "page", "refused", "told"]

Loss: TypeAlias = Literal["request", "reply"]

PAGE: Final = 20


@frozen
class Asked:
    """A request, taken apart.

    Attributes:
        method: "GET", "POST", ...
        steps: the parts of the path behind the version: `("files", "file-1", "content")`.
        query: what the query says.
        headers: with their names in lower case.
        body: its bytes.
    """

    method: str
    steps: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @classmethod
    def of(cls, request: HttpRequest) -> Asked:
        """Take a request apart."""
        url = urlsplit(request.path)
        steps = tuple(unquote(step) for step in url.path.removeprefix("/v1").split("/")[1:])
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        return cls(request.method, steps, query, request.headers, whole(request.body))

    @property
    def line(self) -> str:
        """Method and path, as faults name them: "GET /files/file-1"."""
        return f"{self.method} /{'/'.join(self.steps)}"

    def json(self) -> dict[str, Any]:
        """The body, where it is an object of JSON; empty where it is not."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def form(self) -> Form:
        """The body, where it is a form; empty where it is not."""
        return read_form(self.headers.get("content-type", ""), self.body)


@frozen
class FakeReply:
    """A reply.

    Attributes:
        status: the HTTP status.
        headers: its headers.
        body: its bytes.
        cut: how many of them arrive before the connection breaks; None for all.
        lost: whether the connection breaks before any of the reply.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    cut: int | None = None
    lost: bool = False

    @property
    def response(self) -> HttpResponse:
        """The reply as a network without a connection has it.

        Raises:
            ConnectionResetError: it was lost.
        """
        if self.lost:
            raise ConnectionResetError("the fake has lost it")
        headers = {"content-length": str(len(self.body)), **self.headers}
        return HttpResponse(self.status, headers, self.body if self.cut is None else self.body[: self.cut])


def told(payload: Any, status: int = 200, **headers: str) -> FakeReply:
    """A reply of JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return FakeReply(status, {"content-type": "application/json", **named}, json.dumps(payload, indent=2).encode())


def refused(
    status: int, message: str, *, kind: str = "invalid_request_error", param: str | None = None, code: str | None = None
) -> FakeReply:
    """An error as the API writes it."""
    return told({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


def page(items: Sequence[Mapping[str, Any]], query: Mapping[str, str], default: int = PAGE) -> FakeReply:
    """One page of a list: `limit` items of it behind the one whose id is `after`."""
    ids = [item["id"] for item in items]
    after, limit = query.get("after"), query.get("limit", str(default))
    if not limit.isdecimal() or not 1 <= int(limit) <= 10_000:
        return refused(400, f"Invalid limit: {limit!r}.", param="limit")
    if after is not None and after not in ids:
        return refused(400, f"Invalid cursor: {after!r}.", param="after")
    start = 0 if after is None else ids.index(after) + 1
    shown = list(items[start : start + int(limit)])
    ends = {"first_id": shown[0]["id"] if shown else None, "last_id": shown[-1]["id"] if shown else None}
    return told({"object": "list", "data": shown, **ends, "has_more": start + len(shown) < len(items)})


@define(kw_only=True)
class Fault:
    """What goes wrong with requests.

    Attributes:
        on: which ones, by method and path, with `*` for anything: "POST /files", "GET /files/*/content".
        status: the status of the error that is the answer; 0 leaves the answer as it is, for `lost` and `cut`.
        message: what the error says.
        kind: the type that it states.
        code: the code that it states.
        headers: of the error, beside the usual ones.
        lost: the connection breaks: before the "request" has any effect, or so that the "reply" is lost alone.
        cut: so many bytes of the reply arrive, and the connection breaks.
        skip: how many such requests go well before.
        times: how many then do not.
    """

    on: str = "*"
    status: int = 500
    message: str = "The server had an error while processing your request. Sorry about that!"
    kind: str = "server_error"
    code: str | None = None
    headers: Mapping[str, str] = field(factory=dict)
    lost: Loss | None = None
    cut: int | None = None
    skip: int = 0
    times: int = 1

    def strikes(self, line: str) -> bool:
        """Whether it strikes this request; it is counted."""
        if self.times <= 0 or not fnmatchcase(line, self.on):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True

    @property
    def reply(self) -> FakeReply:
        """The error."""
        error = refused(self.status, self.message, kind=self.kind, code=self.code)
        return FakeReply(error.status, {**error.headers, **self.headers}, error.body)


class Room:
    """A part of the API, with its state."""

    name: str

    def __init__(self, fake: FakeOpenAI) -> None:
        """Be a room of this fake, which has clock and ids."""
        self.fake = fake

    def answer(self, asked: Asked) -> FakeReply | None:
        """The answer; None where it is no request of this room's."""
        raise NotImplementedError

    def dump(self) -> Any:
        """The state, as JSON can hold it."""
        raise NotImplementedError

    def load(self, state: Any) -> None:
        """Go on with a state."""
        raise NotImplementedError
