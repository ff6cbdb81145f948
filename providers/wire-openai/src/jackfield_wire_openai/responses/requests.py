"""Our chat requests in the words of the Responses API. What is None is not sent; the caller's values never change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jackfield.errors import BadRequestError
from jackfield.types import ForcedTool, JsonSchema, ResponseFormat, Tool, Unknown

from ..destination import Destination, put
from ..requests import REASONING, add, add_tools, takes
from .contents import mark
from .input import input_items

__all__ = ["ENCRYPTED", "LOGPROBS", "PLAIN", "responses_body"]

# the fields whose name and value this wire shares with us
PLAIN: Final = ("temperature", "top_p", "top_logprobs", "metadata", "user", "service_tier")
NO_PARAMETER: Final = "the Responses API has no such parameter"
TEXT: Final = "text"
INCLUDE: Final = "include"
LOGPROBS: Final = "message.output_text.logprobs"
ENCRYPTED: Final = "reasoning.encrypted_content"
# options by the names that they have in a chat, and where they stand here
RENAMED: Final[Mapping[str, tuple[str, str]]] = {
    "max_completion_tokens": ("", "max_output_tokens"),
    "max_tokens": ("", "max_output_tokens"),
    "reasoning_effort": (REASONING, "effort"),
    "verbosity": (TEXT, "verbosity"),
}
# what may be said of by a field of ours and by an option, as long as they do not contradict
SHARED: Final = (REASONING, TEXT)
NO_PARAMETERS: Final[Mapping[str, Any]] = {"type": "object", "properties": {}}


def responses_body(to: Destination, *, stream: bool) -> dict[str, Any]:
    """The body of POST /responses.

    Args:
        to: the call, and what its host and model take.
        stream: whether the reply is to be a stream.

    Raises:
        UnsupportedError: names what cannot be carried, where the caller does not allow that it is left out.
        BadRequestError: the request contradicts itself.
    """
    body: dict[str, Any] = {"model": to.call.target.model, **input_items(to.fields.take("messages"), to)}
    add_tools(body, to, _tool, _choice)
    if (form := to.take("response_format")) is not None:
        body[TEXT] = {"format": _format(form)}
    for name in (*PLAIN, *(to.profile.responses or ())):
        if (value := to.take(name)) is not None:
            body[name] = value
    if (limit := to.take("max_output_tokens")) is not None:
        body["max_output_tokens"] = limit
    if (n := to.fields.take("n")) is not None and n > 1:
        to.report("n", "the Responses API gives one choice, whatever it is asked for")
    if to.fields.take("stop"):  # an empty list says nothing
        to.report("stop", NO_PARAMETER)
    _add_reasoning(body, to)
    included = [LOGPROBS] if to.take("logprobs") else []
    _add_options(body, to, stream=stream)
    if body.get("store") is False and _reasons(to):
        included.append(ENCRYPTED)
    if included:
        asked = body.get(INCLUDE, [])
        body[INCLUDE] = [*asked, *(one for one in included if one not in asked)]
    to.fields.report_rest(NO_PARAMETER)
    return body


def _add_reasoning(body: dict[str, Any], to: Destination) -> None:
    effort = to.take("reasoning_effort")
    budget = to.take("reasoning_budget") if to.profile.reasoning_budget else None
    if budget is not None and effort is not None:
        to.report("reasoning_effort", "the host takes an effort or a budget, and the request has both")
        effort = None
    if budget is not None:
        body[REASONING] = {"max_tokens": budget}
    elif effort is not None and takes(effort, "reasoning_effort", to):
        body[REASONING] = {"effort": effort}


def _reasons(to: Destination) -> bool:
    """Whether a model is known to think, so that it can be asked for what it thought."""
    return to.rule is not None and bool(to.rule.efforts or to.rule.refuses_while_reasoning)


def _add_options(body: dict[str, Any], to: Destination, *, stream: bool) -> None:
    for key, value in to.options.items():
        where = f"options.{to.plugin}.{key}"
        if value is None:
            continue
        if key == "stream_options" and isinstance(value, Mapping) and "include_usage" in value:
            # usage always comes, and there is no such question
            value = {name: item for name, item in value.items() if name != "include_usage"}  # noqa: PLW2901
            if not value:
                continue
        _add(body, key, value, where)
    for key, value in (to.fields.take("extra_body") or {}).items():
        _add(body, key, value, f"extra_body.{key}")
    if stream:
        body["stream"] = True


def _add(body: dict[str, Any], key: str, value: Any, where: str) -> None:
    if key == "stream":
        raise BadRequestError(f"{where}: this is no option; call `stream` or `chat`")
    if key == INCLUDE and not (isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)):
        raise BadRequestError(f"{where}: expected a list of texts, got {value!r}")
    holder, name = RENAMED.get(key, ("", key))
    if holder:
        key, value = holder, {name: value}
    if key in SHARED and isinstance(body.get(key), dict) and isinstance(value, Mapping):
        body[key] = dict(body[key])
        put(body[key], value, where)
    else:
        add(body, key if holder else name, value, where)


def _choice(choice: Any, tools: Any) -> Any:
    if isinstance(choice, ForcedTool):
        raws = (_flat(tool.raw if isinstance(tool, Unknown) else tool) for tool in tools or ())
        custom = any(isinstance(raw, Mapping) and raw.items() >= _custom(choice.name).items() for raw in raws)
        return _custom(choice.name) if custom else {"type": "function", "name": choice.name}
    match choice.raw if isinstance(choice, Unknown) else None:
        case {"type": "allowed_tools", "allowed_tools": dict(allowed)}:
            return {"type": "allowed_tools", **allowed, "tools": [_flat(tool) for tool in allowed.get("tools", ())]}
        case None:
            return choice
    return _flat(choice.raw)


def _custom(name: str) -> dict[str, str]:
    return {"type": "custom", "name": name}


def _tool(tool: Tool | Unknown, where: str, to: Destination) -> Any:
    if isinstance(tool, Unknown):
        return _flat(tool.raw)
    # where nothing is said, this API makes a function strict, and a chat does not
    wire: dict[str, Any] = {
        "type": "function",
        "name": tool.name,
        "parameters": NO_PARAMETERS if tool.parameters is None else tool.parameters,
        "strict": bool(tool.strict),
    }
    if tool.description is not None:
        wire["description"] = tool.description
    mark(wire, tool.cache, where, to)
    extra = dict(tool.extra or {})
    put(wire, extra.pop("function", None), f"{where}.extra.function")
    put(wire, extra, f"{where}.extra")
    return wire


def _flat(wire: Any) -> Any:
    """A tool, or the choice of one, without the object that a chat has around what it says of it."""
    kind = wire.get("type") if isinstance(wire, Mapping) else None
    inner = wire.get(kind) if kind in ("custom", "function") else None
    if not isinstance(inner, Mapping):
        return wire
    form = inner.get("format")
    if isinstance(form, Mapping) and isinstance(form.get("grammar"), Mapping):
        inner = {**inner, "format": {"type": "grammar", **form["grammar"]}}
    return {**{key: value for key, value in wire.items() if key != kind}, **inner}


def _format(form: ResponseFormat) -> Any:
    match form:
        case JsonSchema():
            facts = {name: getattr(form, name) for name in ("name", "schema", "strict", "description")}
            return {"type": "json_schema", **{name: fact for name, fact in facts.items() if fact is not None}}
        case Unknown(raw={"type": "json_schema", "json_schema": Mapping() as schema}):
            return {"type": "json_schema", **schema}
        case Unknown():
            return form.raw
    return {"type": {"json": "json_object"}.get(form, form)}
