"""A chat as the body of POST /v1/messages. What is None is not sent; the caller's values are never changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from jackfield.errors import BadRequestError
from jackfield.operations import Notice
from jackfield.types import ForcedTool, JsonSchema, ResponseFormat, Tool, ToolChoice, Unknown

from .blocks import mark
from .messages import wire_messages
from .settings import BETA, PLUGIN, Outgoing

__all__ = ["chat_body"]

EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
TIERS: Final = ("auto", "standard_only")
CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "required": "any", "none": "none"}
TOOL_FIELDS: Final = ("type", "defer_loading", "allowed_callers", "input_examples", "eager_input_streaming")
# objects of the body that fields and options may fill together
SHARED: Final = ("output_config", "metadata")
# the models from before there were efforts, and those that think only when given a budget
WITHOUT_EFFORT: Final = re.compile(r"claude-(?:[23]|instant|(?:haiku|sonnet)-4(?!-[6-9])|opus-4(?!-[5-9]))")
WITHOUT_ADAPTIVE: Final = re.compile(r"claude-opus-4-5")


def chat_body(to: Outgoing, *, stream: bool) -> dict[str, Any]:
    """The body of POST /v1/messages.

    Args:
        to: the call.
        stream: whether the reply is to be a stream.

    Raises:
        UnsupportedError: names what cannot be carried, where the caller does not allow that it is left out.
        BadRequestError: the request contradicts itself.
    """
    thinking, effort = _thinking(to)
    body: dict[str, Any] = {"model": to.model}
    if (limit := _limit(to, thinking)) is not None:
        body["max_tokens"] = limit
    system, body["messages"] = wire_messages(to.fields.take("messages"), to)
    if system:
        body["system"] = system
    _add_tools(body, to)
    if thinking is not None:
        body["thinking"] = thinking
    config = {"effort": effort, "format": _format(to.fields.take("response_format"), to)}
    if config := {name: value for name, value in config.items() if value is not None}:
        body["output_config"] = config
    _add_sampling(body, to)
    _add_facts(body, to)
    _add_options(body, to, stream=stream)
    to.fields.report_rest("the Messages API has no such parameter")
    return body


def _limit(to: Outgoing, thinking: Mapping[str, Any] | None) -> int | None:
    """The limit of the reply, which the API wants to be told, and which its thoughts count towards."""
    asked = thinking if thinking is not None else to.beside("thinking")
    budget = asked.get("budget_tokens") if isinstance(asked, Mapping) else None
    limit: int | None = to.fields.take("max_output_tokens")
    if limit is not None:
        if isinstance(budget, int) and budget >= limit:
            why = f"expected less than max_output_tokens, which is {limit} and includes it, got {budget}"
            name = "thinking.budget_tokens" if thinking is None else "reasoning_budget"
            raise BadRequestError(f"{name}: {why}")
        return limit
    if to.beside("max_tokens") is not None:
        return None
    limit = to.settings.max_output_tokens + (budget if isinstance(budget, int) else 0)
    to.call.ledger.note(
        Notice("note", "max_output_tokens", f"{limit} was sent: the API wants a limit, and none is set")
    )
    return limit


def _thinking(to: Outgoing) -> tuple[dict[str, Any] | None, str | None]:
    """How the model is to think, and with which effort it is to work; None where nothing is said of it."""
    effort: str | None = to.fields.take("reasoning_effort")
    budget: int | None = to.fields.take("reasoning_budget")
    if effort == "none":
        if budget:
            raise BadRequestError(f"reasoning_budget: {budget} tokens contradict the reasoning_effort 'none'")
        return {"type": "disabled"}, None
    if effort is not None and effort not in EFFORTS:
        to.report("reasoning_effort", f"the API takes 'none' or one of {', '.join(EFFORTS)}, not {effort!r}")
        effort = None
    if effort is not None and WITHOUT_EFFORT.match(to.model):
        to.report("reasoning_effort", f"model {to.model!r} takes none; it thinks when given a reasoning_budget")
        effort = None
    if budget is not None:
        return ({"type": "enabled", "budget_tokens": budget} if budget else {"type": "disabled"}), effort
    if effort is None or to.beside("thinking") is not None or WITHOUT_ADAPTIVE.match(to.model):
        return None, effort
    return {"type": "adaptive"}, effort


def _format(form: ResponseFormat | None, to: Outgoing) -> Any:
    if isinstance(form, Unknown):
        return form.raw
    if isinstance(form, JsonSchema):
        schema = form.schema
        if form.description is not None and "description" not in schema:
            schema = {"description": form.description, **schema}
        if form.strict is False:
            to.call.rewrote("response_format.strict", "sent as true: the API always holds to the schema")
        return {"type": "json_schema", "schema": schema}
    if form == "json":
        to.report("response_format", "the API has JSON with a schema only: give a JsonSchema or a Python type")
    return None


def _add_sampling(body: dict[str, Any], to: Outgoing) -> None:
    temperature = to.fields.take("temperature")
    if temperature is not None and temperature > 1:
        to.report("temperature", f"the API takes a number from 0 to 1, not {temperature}")
    elif temperature is not None:
        body["temperature"] = temperature
    for name in ("top_p", "top_k"):
        if (value := to.fields.take(name)) is not None:
            body[name] = value
    if stop := to.fields.take("stop"):
        body["stop_sequences"] = list(stop)
    # what the API does anyway is heeded; everything else of these is reported with the rest
    for name, usual in (("n", 1), ("logprobs", False)):
        if getattr(to.call.request, name) == usual:
            to.fields.take(name)


def _add_facts(body: dict[str, Any], to: Outgoing) -> None:
    if (user := to.fields.take("user")) is not None:
        body["metadata"] = {"user_id": user}
    if (tier := to.fields.take("service_tier")) in TIERS:
        body["service_tier"] = tier
    elif tier is not None:
        to.report("service_tier", f"the API takes one of {', '.join(TIERS)}, not {tier!r}")
    if to.fields.take("metadata"):
        to.report("metadata", "the API keeps nothing beside a request but the user")


def _add_options(body: dict[str, Any], to: Outgoing, *, stream: bool) -> None:
    """Add what is not of the common vocabulary, and ask for a stream.

    Raises:
        BadRequestError: an option or a field of `extra_body` contradicts a field of the request.
    """
    if stream:
        body["stream"] = True
    options = {key: value for key, value in to.options.items() if key != BETA and value is not None}
    for where, fields in ((f"options.{PLUGIN}", options), ("extra_body", to.fields.take("extra_body") or {})):
        for key, value in fields.items():
            if key == "stream":
                raise BadRequestError(f"{where}.stream: this is no option; call `stream` or `chat`")
            if key in SHARED and isinstance(value, Mapping):
                _put(body.setdefault(key, {}), value, f"{where}.{key}")
            else:
                _put(body, {key: value}, where)


def _put(holder: dict[str, Any], more: Mapping[str, Any], where: str) -> None:
    for key, value in more.items():
        if key in holder:
            raise BadRequestError(f"{where}.{key}: this is set already, by a field of the request itself")
        holder[key] = value


def _add_tools(body: dict[str, Any], to: Outgoing) -> None:
    tools, choice = to.fields.take("tools"), to.fields.take("tool_choice")
    parallel = to.fields.take("parallel_tool_calls")
    if tools:
        body["tools"] = [_tool(tool, f"tools[{index}]", to) for index, tool in enumerate(tools)]
    elif not to.beside("tools"):
        # the API refuses a choice where there are no tools; without any, only these say nothing
        if choice not in (None, "auto", "none"):
            raise BadRequestError(f"tool_choice: {choice!r} needs tools, and the request has none")
        return
    if (wire := _choice(choice, parallel=parallel)) is not None:
        body["tool_choice"] = wire


def _choice(choice: ToolChoice | None, *, parallel: bool | None) -> Any:
    if isinstance(choice, Unknown):
        return choice.raw
    if choice is None and parallel is None:
        return None
    wire: dict[str, Any] = {"type": "tool", "name": choice.name} if isinstance(choice, ForcedTool) else {}
    wire = wire or {"type": CHOICES[str(choice or "auto")]}
    if parallel is not None and choice != "none":
        wire["disable_parallel_tool_use"] = not parallel
    return wire


def _tool(tool: Tool | Unknown, where: str, to: Outgoing) -> Any:
    if isinstance(tool, Unknown):
        return tool.raw
    wire: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        wire["description"] = tool.description
    wire["input_schema"] = {"type": "object", "properties": {}} if tool.parameters is None else tool.parameters
    if tool.strict is not None:
        wire["strict"] = tool.strict
    mark(wire, tool.cache, where, to)
    return wire | to.report_extra(tool.extra, TOOL_FIELDS, where)
