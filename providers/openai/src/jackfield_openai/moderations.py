"""Moderation in OpenAI's words, and in Mistral's, which are the same with other categories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jackfield.call import Call
from jackfield.errors import MalformedReplyError, UnsupportedError
from jackfield.http import HttpResponse
from jackfield.provider import Exchange, JsonReply, serves
from jackfield.types import Image, Message, Part, Start, Text, Unknown, UsageReported
from jackfield_jobs.moderations import MODERATE, ModerateEvent, ModerateRequest, Moderation
from jackfield_wire_openai.destination import Destination, put
from jackfield_wire_openai.errors import check_reply, lacking
from jackfield_wire_openai.headers import rate_limit, request_id
from jackfield_wire_openai.messages import wire_messages
from jackfield_wire_openai.provider import WireProvider
from jackfield_wire_openai.reading import fact, objects, texts
from jackfield_wire_openai.requests import add_options
from jackfield_wire_openai.usage import find_usage

__all__ = ["ModerationExchanges", "ModerationReader"]

# hosts that judge the turns of a conversation, by the end of their names
JUDGING_TURNS: Final = ("mistral.ai",)


class ModerationExchanges(WireProvider):
    """The exchange of a provider for moderations."""

    @serves(MODERATE)
    def moderate(self, call: Call[ModerateRequest]) -> Exchange[ModerateEvent]:
        """POST /moderations, or wherever the host judges conversations."""
        to = yield from self.prepared(call)
        path = _path(to, self.host or self.endpoint.host)
        head = yield self.post(path, _body(to))
        return JsonReply(head, ModerationReader(head, call.request.expected).whole)


def _path(to: Destination, host: str) -> str:
    """Where a request goes: texts and pictures to one place, conversations to another, where the host has it.

    Raises:
        UnsupportedError: it is a conversation, and the host judges none.
    """
    if not isinstance(to.call.request.input[0], Message):
        return "/moderations"
    if not any(host == end or host.endswith(f".{end}") for end in JUDGING_TURNS):
        raise UnsupportedError("input: the host judges texts and pictures, and no messages")
    return "/chat/moderations"


def _body(to: Destination) -> dict[str, Any]:
    """The body of POST /moderations, or of POST /chat/moderations for a conversation.

    Raises:
        BadRequestError: the request contradicts itself.
        UnsupportedError: names what cannot be carried, where the caller does not allow that it is left out.
    """
    body: dict[str, Any] = {"model": to.call.target.model, "input": _input(to.fields.take("input"), to)}
    add_options(body, to, stream=False)
    to.fields.report_rest("the host has no such parameter")
    return body


def _input(given: tuple[Any, ...], to: Destination) -> Any:
    if isinstance(given[0], str):
        return given[0] if len(given) == 1 else given
    if isinstance(given[0], Message):
        return wire_messages(given, to)
    parts = [_part(part, f"input[{index}]", to) for index, part in enumerate(given)]
    found = [part for part in parts if part is not None]
    if not found:
        raise UnsupportedError("input: there is nothing in it that the host judges")
    return found


def _part(part: Part, where: str, to: Destination) -> Any:
    """A part of a content; None where it cannot be carried, which is reported."""
    match part:
        case Unknown():
            return part.raw
        case Text():
            wire: dict[str, Any] = {"type": "text", "text": part.text}
        case Image():
            wire = {"type": "image_url", "image_url": {"url": part.url}}
            if part.detail is not None:
                to.report(f"{where}.detail", "the host looks as closely as it does")
        case _:
            to.report(where, f"the host judges texts and pictures, and no {type(part).__name__}")
            return None
    to.report_mark(part.cache, where)
    put(wire, part.extra, f"{where}.extra")
    return wire


class ModerationReader:
    """Reads what is said of the inputs; `expected` is how many there were."""

    def __init__(self, head: HttpResponse, expected: int | None = None) -> None:
        """Begin a reply with this head."""
        self._head = head
        self._expected = expected

    def whole(self, payload: Any) -> Iterator[ModerateEvent]:
        """The events of a reply, which is one document.

        Raises:
            JackfieldError: the document is an error, or has no results, or more than there are inputs.
        """
        check_reply(payload, self._head)
        items = objects(payload, "results")
        if not items:
            raise lacking("results", payload, self._head)
        if self._expected is not None and len(items) > self._expected:
            raise MalformedReplyError(f"results: {len(items)} of them for {self._expected} inputs")
        headers = self._head.headers
        yield Start(
            fact(payload, "id", str),
            fact(payload, "model", str),
            request_id=request_id(headers),
            rate_limit=rate_limit(headers),
            raw=payload,
        )
        for index, item in enumerate(items):
            yield _moderation(index, item)
        if usage := find_usage(payload):
            yield UsageReported(usage)


def _moderation(index: int, item: Mapping[str, Any]) -> Moderation:
    where = f"results[{index}]"
    categories = _of_kind(item, "categories", bool)
    flagged = fact(item, "flagged", bool)
    if flagged is None:
        # a judgement that cannot be read is not one that says yes
        if not categories:
            raise MalformedReplyError(f"{where}: expected flagged or categories, true or false")
        flagged = any(categories.values())
    kinds = fact(item, "category_applied_input_types", dict) or {}
    applied = {name: texts(kinds, name) for name, value in kinds.items() if type(value) is list}
    return Moderation(index, flagged, categories, _of_kind(item, "category_scores", float, int), applied)


def _of_kind(item: Mapping[str, Any], name: str, *kinds: type) -> dict[str, Any]:
    """The entries of an object that are of these kinds; some models have categories that they do not judge by."""
    return {key: value for key, value in (fact(item, name, dict) or {}).items() if type(value) in kinds}
