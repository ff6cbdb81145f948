"""What a request can say to OpenRouter alone, under `options={"openrouter": {...}}`.

The classes say what there is. A request carries plain dictionaries, which `as_options` makes of them, and which are
read by the same classes before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs
from attrs import field, frozen

from jackfield.errors import BadRequestError, ConfigurationError
from jackfield.settings import nearest, structure

from .checks import on_the_wire, within
from .plugins import PLUGINS, STOPS, Plugin, Stop
from .routing import ProviderPreferences

__all__ = ["ChatOptions", "CompleteOptions", "EmbedOptions", "ReasoningOptions", "read_options"]

PLUGIN: Final = "openrouter"
MAX_SESSION: Final = 256
NEWER: Final = "; what is newer than this can go in extra_body"
# options that hold a list of things of several kinds: what tells the kinds apart, the kinds, how many there must be
KINDS: Final[Mapping[str, tuple[str, Mapping[str, type[Any]], int]]] = {
    "plugins": ("id", PLUGINS, 0),
    "stop_server_tools_when": ("type", STOPS, 1),
}
Number: TypeAlias = int | float | None
Effort: TypeAlias = Literal["max", "xhigh", "high", "medium", "low", "minimal", "none"]


def _session(_: object, attribute: Any, value: str | None) -> None:
    if value is not None and len(value) > MAX_SESSION:
        raise ConfigurationError(f"{attribute.name}: expected at most {MAX_SESSION} characters, got {len(value)}")


def _not_empty(_: object, attribute: Any, value: tuple[Any, ...] | None) -> None:
    if value == ():
        raise ConfigurationError(f"{attribute.name}: expected at least one, got none")


@frozen(kw_only=True)
class _Options:
    """What the options of all operations share."""

    def as_options(self) -> dict[str, dict[str, Any]]:
        """The `options` of a request that say this; what is None is not said."""
        return {PLUGIN: on_the_wire(self)}


@frozen(kw_only=True)
class ReasoningOptions:
    """How much the model is to think, and what is shown of it.

    The fields `reasoning_effort` and `reasoning_budget` of a request say the first two for any provider.

    Attributes:
        effort: how much to think; not beside `max_tokens`.
        max_tokens: the most tokens to think with.
        exclude: whether thoughts are left out of the reply; they are charged all the same.
        enabled: whether to think at all, as much as the model does by itself.
        summary: how thoughts are summed up, by models that show no more of them.
        context: what of earlier thoughts the model is given, as it has it.
    """

    effort: Effort | None = None
    max_tokens: int | None = field(default=None, validator=within(0))
    exclude: bool | None = None
    enabled: bool | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    context: str | None = None


@frozen(kw_only=True)
class EmbedOptions(_Options):
    """What a request for embeddings can say to OpenRouter alone.

    Attributes:
        provider: which of the providers may serve it.
        input_type: what the texts are, as "search_query" or "search_document", where the model tells them apart.
    """

    provider: ProviderPreferences | None = None
    input_type: str | None = None


@frozen(kw_only=True)
class CompleteOptions(_Options):
    """What a request for a completion can say to OpenRouter alone; that for a chat can say it too.

    Attributes:
        provider: which of the providers may serve it.
        models: the models to ask where the first fails, in this order; the reply says which one answered.
        route: an older word for that.
        preset: a preset of your account, by its name.
        plugins: what OpenRouter does beside the model.
        transforms: an older word for the plugin "context-compression".
        session_id: what requests belong together; they go to the same provider, whose prompt cache then knows them.
        trace: what a service that watches requests is told of this one.
        top_k: how many of the likeliest tokens to sample from; a chat has a field for it.
        min_p: the least probability of a token, as a share of the likeliest one's.
        top_a: the same, as a share of the square of the likeliest one's.
        repetition_penalty: how much tokens are held against the model that stand in the text already; 1 is nothing.
        reasoning: how much to think.
        include_reasoning: an older word for `reasoning.exclude`, the other way round.
        max_tokens: another name of the limit; a request has a field for it.
        max_completion_tokens: another name of the limit; a request has a field for it.
        prompt_cache_key: a name under which the provider may find what it cached.
        prompt_cache_options: how OpenAI's models keep a prompt.
        usage: asks for usage, which is given anyway.
        stream_options: asks for usage, which is given anyway.
    """

    provider: ProviderPreferences | None = None
    models: tuple[str, ...] | None = None
    route: Literal["fallback", "sort"] | None = None
    preset: str | None = None
    plugins: tuple[Plugin, ...] | None = None
    transforms: tuple[str, ...] | None = None
    session_id: str | None = field(default=None, validator=_session)
    trace: Mapping[str, Any] | None = None
    top_k: int | None = field(default=None, validator=within(0))
    min_p: Number = field(default=None, validator=within(0, 1))
    top_a: Number = field(default=None, validator=within(0, 1))
    repetition_penalty: Number = field(default=None, validator=within(0, 2))
    reasoning: ReasoningOptions | None = None
    include_reasoning: bool | None = None
    max_tokens: int | None = field(default=None, validator=within(1))
    max_completion_tokens: int | None = field(default=None, validator=within(1))
    prompt_cache_key: str | None = None
    prompt_cache_options: Mapping[str, Any] | None = None
    usage: Mapping[str, bool] | None = None
    stream_options: Mapping[str, bool] | None = None


@frozen(kw_only=True)
class CacheControl:
    """A mark for the prompt cache that holds for the whole request; `ttl` is how long it is kept."""

    type: Literal["ephemeral"] = "ephemeral"
    ttl: Literal["5m", "1h"] | None = None


@frozen(kw_only=True)
class Debug:
    """What a stream is to show of what happens inside OpenRouter."""

    echo_upstream_body: bool | None = None


@frozen(kw_only=True)
class ChatOptions(CompleteOptions):
    """What a request for a chat can say to OpenRouter alone, beside what `CompleteOptions` has.

    Attributes:
        modalities: what the reply may be made of.
        image_config: how a picture is made, as the model has it: its aspect ratio, its size.
        audio: the voice and the format of a spoken reply.
        verbosity: how long the reply is to be.
        cache_control: marks the whole request for the prompt cache; parts are marked by `CacheMark`.
        structured_outputs: whether a format must be kept to, where a model can do both.
        web_search_options: how a model that searches the web by itself does so.
        x_search_filter: where a model by xAI searches.
        prediction: what the reply will probably be.
        stop_server_tools_when: when OpenRouter's own tools stop, once one of these holds.
        debug: what a stream is to show of what happens inside.
    """

    modalities: tuple[Literal["text", "image", "audio"], ...] | None = field(default=None, validator=_not_empty)
    image_config: Mapping[str, Any] | None = None
    audio: Mapping[str, Any] | None = None
    verbosity: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    cache_control: CacheControl | None = None
    structured_outputs: bool | None = None
    web_search_options: Mapping[str, Any] | None = None
    x_search_filter: Mapping[str, Any] | None = None
    prediction: Mapping[str, Any] | None = None
    stop_server_tools_when: tuple[Stop, ...] | None = None
    debug: Debug | None = None


def read_options(cls: type[_Options], options: Mapping[str, Any], request: type[Any]) -> dict[str, Any]:
    """The options of a request as they are sent, in an order of their own; what is None is not there.

    Args:
        cls: the options that the operation has.
        options: what the request says under this plugin's name.
        request: the class of the request, whose fields are no options.

    Raises:
        BadRequestError: names the option, the value and what would be right.
    """
    where = f"options.{PLUGIN}"
    known = {one.name for one in attrs.fields(cls)}
    fields = {one.name for one in attrs.fields(request)} - known
    if wrong := next((key for key in options if key in fields), None):
        raise BadRequestError(
            f"{where}.{wrong}: this is a field of the request itself: {request.__name__}({wrong}=...)"
        )
    try:
        rest = {key: value for key, value in options.items() if key not in KINDS or key not in known}
        wire: dict[str, Any] = on_the_wire(structure(cls, rest, where))
        several = {key: options[key] for key in KINDS if key in known and options.get(key) is not None}
        wire |= {key: _read_kinds(items, *KINDS[key], f"{where}.{key}") for key, items in several.items()}
    except ConfigurationError as error:
        raise BadRequestError(error.message + (NEWER if "no such key" in error.message else "")) from None
    return wire


def _read_kinds(items: object, tag: str, kinds: Mapping[str, type[Any]], least: int, where: str) -> list[Any]:
    """Read a list, each item as its kind has it: what was tried of several classes would be vague, and slow."""
    if not isinstance(items, list | tuple):
        raise ConfigurationError(f"{where}: expected a list, got {type(items).__name__}")
    if len(items) < least:
        raise ConfigurationError(f"{where}: expected at least one, got none")
    read = []
    for index, item in enumerate(items):
        place = f"{where}[{index}]"
        kind = item.get(tag) if isinstance(item, Mapping) else None
        if not isinstance(kind, str):
            raise ConfigurationError(f"{place}.{tag}: missing; expected one of {', '.join(kinds)}")
        if kind not in kinds:
            raise ConfigurationError(f"{place}.{tag}: {kind!r} is none; {nearest(kind, kinds)}{NEWER}")
        read.append(on_the_wire(structure(kinds[kind], item, place)))
    return read
