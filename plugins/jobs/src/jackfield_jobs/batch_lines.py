"""Reads requests from lines, as people write them: prompts, fields of a request, or OpenAI's lines of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.http import read_json
from jackfield.operations import ChatRequest, CompleteRequest, EmbedRequest, Request
from jackfield.settings import nearest

__all__ = ["read_lines"]

# what of OpenAI's lines can be asked for, by the end of their `url`
URLS: Final[Mapping[str, str]] = {"/chat/completions": "messages", "/embeddings": "input", "/completions": "prompt"}
# the field that tells what is asked for
KINDS: Final[Mapping[str, type[Any]]] = {"messages": ChatRequest, "input": EmbedRequest, "prompt": CompleteRequest}
NAMES: Final = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}
ID: Final = "custom_id"


def read_lines(
    lines: Iterable[str], provider: str, model: str | None, *, plain: bool = False
) -> Iterator[tuple[str | None, Request[Any, Any]]]:
    """The request of each line, with its id where it has one; empty lines are left out.

    Args:
        lines: each a text in JSON (a prompt), a table with the fields of a request, or a line as OpenAI has it, with
            `custom_id` and `body`.
        provider: the instance that is asked.
        model: the model of those that name none.
        plain: whether each line is a prompt as it stands.

    Raises:
        BadRequestError: a line is none of these; the message has its number.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = line.rstrip("\r\n") if plain else read_json(line, "line")
            yield _request(value, provider, model)
        except (BadRequestError, MalformedReplyError) as error:
            raise BadRequestError(f"line {number}: {error.message}") from None


def _request(value: Any, provider: str, model: str | None) -> tuple[str | None, Request[Any, Any]]:
    target = None if model is None else _target(model, provider)
    if isinstance(value, str):
        return None, ChatRequest(messages=value, model=target)
    if not isinstance(value, Mapping):
        raise BadRequestError(f"expected a text or a table, got {value!r:.80}")
    name = value.get(ID)
    if name is not None and not isinstance(name, str):
        raise BadRequestError(f"{ID}: expected text, got {name!r:.80}")
    body = value.get("body")
    wire = isinstance(body, Mapping)
    fields = dict(body) if isinstance(body, Mapping) else {key: one for key, one in value.items() if key != ID}
    if wire and (url := value.get("url")) is not None:
        _check_url(url, fields)
    return name, _built(fields, provider, target, wire=wire)


def _check_url(url: Any, body: Mapping[str, Any]) -> None:
    needed = URLS.get(url.removeprefix("/v1")) if isinstance(url, str) else None
    if needed is None:
        expected = ", ".join(f"/v1{end}" for end in URLS)
        raise BadRequestError(f"url: expected one of {expected}, got {url!r:.80}; upload the file to send it as it is")
    if needed not in body:
        raise BadRequestError(f"body: for {url!r} it must have {needed!r}, and has {', '.join(body) or 'nothing'}")


def _built(fields: dict[str, Any], provider: str, target: str | None, *, wire: bool) -> Request[Any, Any]:
    kind = next((kind for name, kind in KINDS.items() if name in fields), None)
    if kind is None:
        raise BadRequestError(f"expected one of {', '.join(KINDS)}, got {', '.join(fields) or 'nothing'}")
    known = {field.name for field in attrs.fields(kind)}
    fields = {NAMES.get(name, name): one for name, one in fields.items()}
    named = fields.pop("model", None)
    rest = {name: fields.pop(name) for name in [*fields] if name not in known}
    if rest and not wire:
        name = next(iter(rest))
        raise BadRequestError(f"{name}: a request has no such field; {nearest(name, known)}")
    if rest:
        fields["extra_body"] = {**(fields.get("extra_body") or {}), **rest}
    found: Request[Any, Any] = kind(model=_target(named, provider) if named is not None else target, **fields)
    return found


def _target(model: Any, provider: str) -> str:
    if not isinstance(model, str) or not model:
        raise BadRequestError(f"model: expected the name of a model, got {model!r:.80}")
    return model if model == provider or model.startswith(f"{provider}:") else f"{provider}:{model}"
