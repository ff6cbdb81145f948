"""What a model supports, by OpenRouter's list of models: asked for when a request needs to know, and kept for an hour.

OpenRouter leaves out in silence what none of a model's providers supports. So it is reported here, before anything is
sent.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import attrs

from jackfield.call import Call
from jackfield.errors import DeadlineError, JackfieldError, StreamStateError
from jackfield.http import HttpRequest, HttpResponse, read_json
from jackfield.operations import ChatRequest, CompleteRequest, Notice
from jackfield.types import Audio, Image, JsonSchema, Message, Part, ToolResult
from jackfield_wire_openai.destination import Destination

from .offers import Offer, read_offers

__all__ = ["Capabilities", "demands", "heed", "shows", "within_reach"]

KEPT: Final = 3600.0  # seconds
AGAIN: Final = 60.0  # seconds after which a list that could not be had is asked for again
MOST: Final = 10_000  # models
# the parameters of which a model must support one, by the field of a request; what stands in no list is not here
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "top_k": ("top_k",),
    "frequency_penalty": ("frequency_penalty",),
    "presence_penalty": ("presence_penalty",),
    "seed": ("seed",),
    "stop": ("stop",),
    "logit_bias": ("logit_bias",),
    "logprobs": ("logprobs",),
    "top_logprobs": ("top_logprobs",),
    "tools": ("tools",),
    "tool_choice": ("tool_choice", "tools"),
    "reasoning_effort": ("reasoning", "reasoning_effort"),
    "reasoning_budget": ("reasoning",),
}
OPTIONS: Final = ("top_k", "min_p", "top_a", "repetition_penalty", "verbosity", "reasoning", "structured_outputs")
JSON: Final = ("response_format", "structured_outputs")
SCHEMA: Final = ("structured_outputs",)
PARTS: Final[Mapping[type, str]] = {Image: "image", Audio: "audio"}


def demands(request: ChatRequest | CompleteRequest, options: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """What a request needs of its model beside text: parameters by the field that needs them."""
    found = {name: needed for name, needed in FIELDS.items() if getattr(request, name, None) not in (None, (), "none")}
    if (form := getattr(request, "response_format", None)) not in (None, "text"):
        found["response_format"] = SCHEMA if isinstance(form, JsonSchema) else JSON
    asked = {name for name in OPTIONS if options.get(name) not in (None, False)}
    match options.get("reasoning"):
        case {"effort": "none"} | {"enabled": False}:
            asked.discard("reasoning")  # what every model can do that does not think
    return {**found, **{f"options.openrouter.{name}": (name,) for name in sorted(asked)}}


def within_reach(call: Call[ChatRequest], offer: Offer) -> Call[ChatRequest]:
    """The call without the pictures and sounds that the model does not take.

    Raises:
        UnsupportedError: there are some, and the caller does not allow that they are left out.
    """
    if not offer.input_modalities:
        return call
    messages = tuple(
        message
        if message.role == "assistant"
        else attrs.evolve(message, parts=tuple(_kept(call, message, f"messages[{index}]", offer)))
        for index, message in enumerate(call.request.messages)
    )
    if messages == call.request.messages:
        return call
    return call.evolve(request=attrs.evolve(call.request, messages=messages))


def _kept(call: Call[Any], holder: Message | ToolResult, where: str, offer: Offer) -> Iterator[Part]:
    for index, part in enumerate(holder.parts):
        place, modality = f"{where}.parts[{index}]", PARTS.get(type(part))
        if isinstance(part, ToolResult):
            yield attrs.evolve(part, parts=tuple(_kept(call, part, place, offer)))
        elif modality is None or modality in offer.input_modalities:
            yield part
        else:
            taken = ", ".join(offer.input_modalities)
            call.report(place, f"model {offer.id!r} takes {taken}, and no {modality}")


def shows(holders: Iterable[Message | ToolResult]) -> bool:
    """Whether turns hold pictures or sounds, which not every model takes."""
    return any(
        type(part) in PARTS or (isinstance(part, ToolResult) and shows([part]))
        for holder in holders
        for part in holder.parts
    )


def heed(to: Destination, offer: Offer, wanted: Mapping[str, tuple[str, ...]]) -> Destination:
    """The destination without what the model does not support, which is reported.

    Raises:
        UnsupportedError: there is such a thing, and the caller does not allow that it is left out.
    """
    options = dict(to.options)
    given = options.get("modalities") or ()
    if missing := [one for one in given if offer.output_modalities and one not in offer.output_modalities]:
        gives = ", ".join(offer.output_modalities)
        to.report(f"options.{to.plugin}.modalities", f"model {offer.id!r} gives {gives}, and no {missing[0]}")
        del options["modalities"]
    for name, needed in wanted.items():
        if offer.parameters and offer.parameters.isdisjoint(needed):
            what = "JSON Schema" if needed == SCHEMA else f"parameter {needed[0]!r}"
            to.report(name, f"model {offer.id!r} supports no {what}")
            to.fields.take(name)
            options.pop(name.removeprefix(f"options.{to.plugin}."), None)
    return attrs.evolve(to, options=options)


class Capabilities:
    """The list of models as one instance of the provider knows it."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._offers: Mapping[str, Offer] = {}
        self._until = 0.0
        self._why: str | None = None  # why nothing is known

    def of(self, call: Call[Any], request: HttpRequest) -> Generator[HttpRequest, HttpResponse, Offer | None]:
        """What is known of a call's model, after a look at the list where that is old; None where nothing is."""
        now = call.runtime.now()
        if now >= self._until:
            try:
                response = yield attrs.evolve(request, read=True)
                offers = islice(read_offers(read_json(response.body or b"")), MOST)
                # of what a list says, only what is looked at here is kept
                self._offers = {offer.id: attrs.evolve(offer, raw=None) for offer in offers}
                self._until, self._why = now + KEPT, None
            except (DeadlineError, StreamStateError):
                raise  # the call itself is over
            except JackfieldError as error:
                self._until = now + AGAIN
                self._why = f"the list of models could not be had ({type(error).__name__})"
        if self._why and not self._offers:
            call.ledger.note(Notice("note", "model", f"what the model supports was not looked at: {self._why}"))
        return self._find(call.target.model)

    def _find(self, model: str) -> Offer | None:
        bare = model.partition("@")[0]
        return self._offers.get(bare) or self._offers.get(bare.partition(":")[0])
