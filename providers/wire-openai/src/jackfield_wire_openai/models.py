"""Lists of models in OpenAI's words, and in those of its imitators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.http import HttpResponse
from jackfield.types import ModelInfo, ModelListed, ModelsEvent, Start

from .errors import in_band_error, said
from .headers import rate_limit, request_id
from .reading import fact

__all__ = ["ModelsReader", "model_path", "part_of_path"]

NAMES: Final = ("name", "display_name")
OWNERS: Final = ("owned_by", "owner", "organization")
# what hosts call these, the widest word first; a path leads into an object
CONTEXTS: Final = (
    ("context_length",),
    ("context_window",),
    ("max_context_length",),
    ("max_model_len",),
    ("max_input_tokens",),
    ("top_provider", "context_length"),
    ("limits", "max_context_window_tokens"),
    ("meta", "n_ctx"),
    ("meta", "n_ctx_train"),
)
OUTPUTS: Final = (
    ("max_output_tokens",),
    ("max_completion_tokens",),
    ("max_output_length",),
    ("top_provider", "max_completion_tokens"),
    ("limits", "max_output_tokens"),
)


def model_path(model: str) -> str:
    """The path of one model. Its name is one part of the path, whatever characters it holds."""
    return f"/models/{part_of_path(model)}"


def part_of_path(name: str, safe: str = "", field: str = "model") -> str:
    """A name as one part of a path: dots alone would lead elsewhere. `field` is what errors call it.

    Raises:
        BadRequestError: the name has half a character.
    """
    try:
        part = quote(name, safe=safe)
    except UnicodeEncodeError:
        raise BadRequestError(f"{field}: {name!r} has half a character, which no path can hold") from None
    return part if part.strip(".") else part.replace(".", "%2E")


class ModelsReader:
    """Reads a list of models, or one model."""

    def __init__(self, head: HttpResponse) -> None:
        """Begin a reply with this head."""
        self._head = head

    def list(self, payload: Any) -> Iterator[ModelsEvent]:
        """The events of a list: under `data`, under `models`, or bare. Entries without a name stay in `raw`.

        Raises:
            JackfieldError: the payload is an error, or no list.
        """
        items = payload
        if type(payload) is dict:
            self._fail(payload)
            items = next((payload[name] for name in ("data", "models") if name in payload), payload)
            items = [] if items is None else items  # an empty list, as some languages write it
        if type(items) is not list:
            raise self._malformed("a list of models", payload)
        yield self._start(payload)
        for item in items:
            if model := _model(item):
                yield ModelListed(model)

    def one(self, payload: Any) -> Iterator[ModelsEvent]:
        """The events of one model.

        Raises:
            JackfieldError: the payload is an error, or no model.
        """
        item = payload
        if type(payload) is dict:
            self._fail(payload)
            item = fact(payload, "data", dict) or payload
        model = _model(item) if type(item) is dict else None
        if model is None:
            raise self._malformed("a model", payload)
        yield self._start(payload)
        yield ModelListed(model)

    def _fail(self, payload: Mapping[str, Any]) -> None:
        if payload.get("error") or payload.get("object") == "error":
            raise in_band_error(payload, self._head)

    def _start(self, payload: Any) -> Start:
        headers = self._head.headers
        return Start(raw=payload, request_id=request_id(headers), rate_limit=rate_limit(headers))

    def _malformed(self, what: str, payload: Any) -> MalformedReplyError:
        return MalformedReplyError(
            f"the reply is not {what}: {said(payload)}",
            status=self._head.status,
            request_id=request_id(self._head.headers),
            body=payload,
        )


def _model(item: Any) -> ModelInfo | None:
    if type(item) is str and item:
        return ModelInfo(item, raw=item)
    if type(item) is not dict:
        return None
    name = next((item[key] for key in ("id", "name", "model") if type(item.get(key)) is str and item[key]), None)
    if name is None:
        return None
    return ModelInfo(
        name,
        _first(item, [(key,) for key in NAMES], str),
        _first(item, [(key,) for key in OWNERS], str),
        fact(item, "created", int, float),
        _first(item, CONTEXTS, int),
        _first(item, OUTPUTS, int),
        raw=item,
    )


def _first(item: Mapping[str, Any], paths: Any, kind: type) -> Any:
    for *steps, name in paths:
        holder: Any = item
        for step in steps:
            holder = fact(holder, step, dict) or {}
        if found := fact(holder, name, kind):  # an empty text, or no token at all, says nothing
            return found
    return None
