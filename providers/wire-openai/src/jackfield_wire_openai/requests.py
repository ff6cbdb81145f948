"""Our chat requests in OpenAI's words. What is None is not sent; the caller's values are never changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from jackfield.errors import BadRequestError
from jackfield.types import ForcedTool, JsonSchema, ResponseFormat, Tool, Unknown

from .destination import Destination, put
from .messages import mark, wire_messages

__all__ = ["PLAIN", "REASONING", "TWINS", "add", "add_options", "add_tools", "chat_body", "takes"]

# the fields whose name and value the wire shares with us
PLAIN: Final = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "metadata",
    "user",
    "service_tier",
)
# two names of one thing, of which a request may have one
TWINS: Final = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
REASONING: Final = "reasoning"
NEW_NAME: Final = "max_completion_tokens"


def chat_body(to: Destination, *, stream: bool) -> dict[str, Any]:
    """The body of POST /chat/completions.

    Args:
        to: the call, and what its host and model take.
        stream: whether the reply is to be a stream.

    Raises:
        UnsupportedError: names what cannot be carried, where the caller does not allow that it is left out.
        BadRequestError: the request contradicts itself.
    """
    body: dict[str, Any] = {"model": to.call.target.model, "messages": wire_messages(to.fields.take("messages"), to)}
    add_tools(body, to, _tool, _choice)
    if (form := to.take("response_format")) is not None:
        body["response_format"] = _format(form)
    for name in PLAIN:
        if (value := to.take(name)) is not None:
            body[to.named(name)] = value
    if (limit := to.take("max_output_tokens")) is not None:
        body[NEW_NAME if "max_tokens" in to.refused else to.profile.max_tokens or "max_tokens"] = limit
    if stop := to.take("stop"):  # none is what an empty list says, and the API refuses that
        body["stop"] = list(stop)
    if to.profile.top_k and (top_k := to.take("top_k")) is not None:
        body["top_k"] = top_k
    _add_reasoning(body, to)
    add_options(body, to, stream=stream)
    _check_reasoning(body, to)
    to.fields.report_rest("the host has no such parameter")
    return body


def add_options(body: dict[str, Any], to: Destination, *, stream: bool) -> None:
    """Add what is not of our vocabulary, and ask for a stream.

    Raises:
        BadRequestError: an option or a field of `extra_body` contradicts a field of the request.
    """
    asked: dict[str, Any] = {}
    for key, value in to.options.items():
        where = f"options.{to.plugin}.{key}"
        if key == "stream":
            raise BadRequestError(f"{where}: this is no option; call `stream` or `chat`")
        if value is None:
            continue
        name = key
        if key == "max_tokens" and key in to.refused:
            name = NEW_NAME
            to.call.rewrote(where, f"sent as {name!r}, which model {to.call.target.model!r} knows")
        if key == "stream_options" and stream:
            if not isinstance(value, Mapping):
                raise BadRequestError(f"{where}: expected an object, got {value!r}")
            asked = dict(value)
            continue
        add(body, name, value, where)
    if stream:
        body["stream"] = True
        usage = {"include_usage": True} if to.profile.stream_usage else {}
        if options := {**usage, **asked}:
            body["stream_options"] = options
    for key, value in (to.fields.take("extra_body") or {}).items():
        if key == "stream":
            raise BadRequestError("extra_body.stream: this is no option; call `stream` or `chat`")
        add(body, key, value, f"extra_body.{key}")


def add(body: dict[str, Any], key: str, value: Any, where: str) -> None:
    """Add an option as it is.

    Raises:
        BadRequestError: a field of the request has set it.
    """
    if key == REASONING and isinstance(body.get(key), dict) and isinstance(value, Mapping):
        body[key] = dict(body[key])  # which may be the caller's
        put(body[key], value, where)
        return
    if key in body or TWINS.get(key) in body:
        raise BadRequestError(f"{where}: this is set already, by a field of the request itself")
    body[key] = value


def _add_reasoning(body: dict[str, Any], to: Destination) -> None:
    effort = to.take("reasoning_effort")
    if effort is not None and not takes(effort, "reasoning_effort", to):
        effort = None
    if not to.profile.reasoning_budget:
        if effort is not None:
            body["reasoning_effort"] = effort
        return
    budget = to.take("reasoning_budget")
    if budget is not None and effort is not None:
        to.report("reasoning_effort", "the host takes an effort or a budget, and the request has both")
        effort = None
    if budget is not None:
        body[REASONING] = {"max_tokens": budget}
    elif effort is not None and isinstance(to.beside(REASONING), Mapping):
        body[REASONING] = {"effort": effort}  # the host refuses two places of one thing
    elif effort is not None:
        body["reasoning_effort"] = effort


def _check_reasoning(body: dict[str, Any], to: Destination) -> None:
    """Look at what the field and the options come to, where a host has one place for all that is said of thought."""
    if not to.profile.reasoning_budget:
        return
    if body.keys() >= {REASONING, "reasoning_effort"}:
        raise BadRequestError("reasoning, reasoning_effort: the host takes one of them, and the request has both")
    match body.get(REASONING):
        case {"effort": str(), "max_tokens": int()}:
            raise BadRequestError(f"options.{to.plugin}.reasoning: the host takes an effort or max_tokens, not both")
        case {"effort": str(effort), **others} if not takes(effort, f"options.{to.plugin}.reasoning.effort", to):
            if others:
                body[REASONING] = others
            else:
                del body[REASONING]


def takes(effort: str, name: str, to: Destination) -> bool:
    """Whether the model takes an effort; if not, it is reported."""
    efforts = None if to.rule is None else to.rule.efforts
    if efforts is None or effort in efforts:
        return True
    to.report(name, f"model {to.call.target.model!r} takes one of {', '.join(efforts)}, not {effort!r}")
    return False


def add_tools(
    body: dict[str, Any],
    to: Destination,
    written: Callable[[Tool | Unknown, str, Destination], Any],
    chosen: Callable[[Any, Any], Any],
) -> None:
    """Add the tools, each as it is `written`, and the choice of one of them, as it is `chosen`.

    Raises:
        BadRequestError: a tool is chosen, and there is none.
    """
    tools, choice, parallel = to.take("tools"), to.take("tool_choice"), to.take("parallel_tool_calls")
    if tools:
        body["tools"] = [written(tool, f"tools[{index}]", to) for index, tool in enumerate(tools)]
    elif not (tools := to.beside("tools")):
        # the API refuses both where there are no tools; without any, only these two choices say nothing
        if choice not in (None, "auto", "none"):
            raise BadRequestError(f"tool_choice: {choice!r} needs tools, and the request has none")
        return
    if choice is not None:
        body["tool_choice"] = chosen(choice, tools)
    if parallel is not None:
        body["parallel_tool_calls"] = parallel


def _choice(choice: Any, tools: Any) -> Any:
    if isinstance(choice, Unknown):
        return choice.raw
    if not isinstance(choice, ForcedTool):
        return choice
    for tool in tools if isinstance(tools, list | tuple) else ():
        match tool.raw if isinstance(tool, Unknown) else tool:
            case {"type": "custom", "custom": {"name": choice.name}}:
                return {"type": "custom", "custom": {"name": choice.name}}
    return {"type": "function", "function": {"name": choice.name}}


def _tool(tool: Tool | Unknown, where: str, to: Destination) -> Any:
    if isinstance(tool, Unknown):
        return tool.raw
    function: dict[str, Any] = {"name": tool.name}
    for name in ("description", "parameters", "strict"):
        if (value := getattr(tool, name)) is not None:
            function[name] = value
    wire: dict[str, Any] = {"type": "function", "function": function}
    mark(wire, tool.cache, where, to)
    extra = dict(tool.extra or {})
    put(function, extra.pop("function", None), f"{where}.extra.function")
    put(wire, extra, f"{where}.extra")
    return wire


def _format(form: ResponseFormat) -> Any:
    if isinstance(form, Unknown):
        return form.raw
    if isinstance(form, JsonSchema):
        schema: dict[str, Any] = {"name": form.name}
        for name in ("description", "schema", "strict"):
            if (value := getattr(form, name)) is not None:
                schema[name] = value
        return {"type": "json_schema", "json_schema": schema}
    return {"type": {"json": "json_object"}.get(form, form)}
