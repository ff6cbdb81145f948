"""The settings of the cache, the same in a configuration and in Python, and what a request may say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fnmatch import translate
from functools import cached_property
from re import Pattern, compile as pattern
from typing import Any, Final, Literal, get_args

import attrs
from attrs import define, field, frozen

from jackfield import ChatRequest, CompleteRequest, EmbedRequest, Secret
from jackfield.call import Call
from jackfield.errors import BadRequestError, ConfigurationError
from jackfield.settings import nearest

from ._checks import is_seconds, seconds

__all__ = ["CacheSettings", "Mode", "Rule", "Wishes", "read_wishes"]

Mode = Literal["default", "refresh", "bypass", "only"]
OFF: Final = "off"
# what a provider has changes while nobody looks: a list is kept only where a rule says for how long
LISTS: Final = frozenset({"models", "model"})
# the requests whose fields can be a namespace
REQUESTS: Final = (ChatRequest, CompleteRequest, EmbedRequest)


def _ttl_or_off(_: object, attribute: Any, value: Any) -> None:
    if value != OFF and not is_seconds(value):
        raise ConfigurationError(f"{attribute.name}: expected seconds above 0, inf for no end, or 'off', got {value!r}")


@define(slots=False, frozen=True)
class Rule:
    """What becomes of some calls. Of several rules, the first that fits a call counts.

    Attributes:
        ttl: for how many seconds replies are good, inf for ever, or "off": such calls are not cached.
        model: a pattern for `provider:model` or for an alias, as in "openai:gpt-5*".
        operation: a pattern for the name of the operation: "chat", "embed", ...
    """

    ttl: float | Literal["off"] = field(validator=_ttl_or_off)
    model: str = field(default="*", validator=attrs.validators.instance_of(str))
    operation: str = field(default="*", validator=attrs.validators.instance_of(str))

    @cached_property
    def _patterns(self) -> tuple[Pattern[str], Pattern[str]]:
        return pattern(translate(self.operation)), pattern(translate(self.model))

    def fits(self, call: Call[Any]) -> bool:
        """Whether the rule is for this call."""
        operation, model = self._patterns
        if not operation.match(call.operation.name):
            return False
        names = [call.alias or "", *map(str, call.targets)]
        return any(model.match(name) for name in names)


def _namespace(_: object, attribute: Any, value: Any) -> None:
    if value is None or isinstance(value, str) or callable(value):
        return
    if not (isinstance(value, Mapping) and value.keys() == {"field"} and isinstance(value["field"], str)):
        raise ConfigurationError(
            f"{attribute.name}: expected text, or a table like {{ field = 'user' }}, got {type(value).__name__}"
        )
    known = {one.name for kind in REQUESTS for one in attrs.fields(kind)}
    first = value["field"].partition(".")[0]
    if first not in known:
        raise ConfigurationError(f"{attribute.name}.field: requests have no field {first!r}; {nearest(first, known)}")


def _rules(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _are_rules(_: object, attribute: Any, value: Any) -> None:
    if not (isinstance(value, tuple) and all(isinstance(one, Rule) for one in value)):
        raise ConfigurationError(f"{attribute.name}: expected a list of rules")


def _flag(_: object, attribute: Any, value: Any) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{attribute.name}: expected true or false, got {value!r}")


@frozen
class CacheSettings:
    """Settings of the cache.

    Attributes:
        store: where entries are kept: the name of a store ("memory", "sqlite", ...), a table with its name under `use`
            and its own settings beside it, or in Python a store itself.
        url: the store's own setting of this name, here so that a variable can hold it: `{ env = "REDIS_URL" }`.
        ttl: for how many seconds a reply is good; None, or inf in a configuration, is for ever.
        rules: what differs for some models and operations. Lists of models are cached only where a rule says so.
        sampled: whether replies that were sampled (temperature unset or above 0) are cached too.
        namespace: what keeps entries apart beyond the request itself: text; a table `{ field = "metadata.tenant" }`
            that names a field of the request; in Python also a function of the call that gives text. A call for which
            the field or the function gives no text is not cached.

    Raises:
        ConfigurationError: names the setting, the value and what would be right.
    """

    store: Any = "memory"
    url: Secret | None = None
    ttl: float | None = field(default=None, validator=attrs.validators.optional(seconds))
    rules: tuple[Rule, ...] = field(default=(), converter=_rules, validator=_are_rules)
    sampled: bool = field(default=True, validator=_flag)
    namespace: Any = field(default=None, validator=_namespace)

    def ttl_of(self, call: Call[Any]) -> float | None:
        """For how many seconds the reply to a call is good; None where such calls are not cached."""
        for rule in self.rules:
            if rule.fits(call):
                return None if rule.ttl == OFF else float(rule.ttl)
        if call.operation.name in LISTS or not call.operation.repeatable:
            return None
        return math.inf if self.ttl is None else self.ttl

    def leaves_out(self, request: Any) -> bool:
        """Whether the reply to this request is sampled, and such are not cached."""
        if self.sampled or not hasattr(request, "temperature"):
            return False
        return request.temperature is None or request.temperature > 0

    def namespace_of(self, call: Call[Any]) -> str | None:
        """The namespace of a call, or None where there should be one and is none."""
        wanted = self.namespace
        if wanted is None or isinstance(wanted, str):
            return wanted or ""
        found = _at(call.request, wanted["field"]) if isinstance(wanted, Mapping) else wanted(call)
        return found if isinstance(found, str) and found else None


def _at(request: Any, path: str) -> Any:
    first, *keys = path.split(".")
    value = getattr(request, first, None)
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


@frozen
class Wishes:
    """What one request says to the cache, under `options={"cache": {...}}`.

    Attributes:
        mode: "refresh" asks the provider and replaces the entry, "bypass" leaves the cache alone, "only" never asks
            the provider.
        ttl: for how many seconds the reply is good: an older entry is not used, a new one lives no longer.
        namespace: a namespace within that of the settings.
    """

    mode: Mode = "default"
    ttl: float | None = None
    namespace: str = ""


NONE: Final = Wishes()


def read_wishes(options: Mapping[str, Any]) -> Wishes:
    """What the options of a request say.

    Raises:
        BadRequestError: names the option, the value and what would be right.
    """
    if "cache" not in options:  # nearly always
        return NONE
    given = options["cache"]
    known = {one.name for one in attrs.fields(Wishes)}
    for name in given:
        if name not in known:
            raise BadRequestError(f"options.cache.{name}: no such option; {nearest(str(name), known)}")
    found = Wishes(**{name: value for name, value in given.items() if value is not None})
    if found.mode not in get_args(Mode):
        modes = ", ".join(get_args(Mode))
        raise BadRequestError(f"options.cache.mode: expected one of {modes}, got {found.mode!r}")
    if found.ttl is not None and not is_seconds(found.ttl):
        raise BadRequestError(f"options.cache.ttl: expected seconds above 0, got {found.ttl!r}")
    if not isinstance(found.namespace, str):
        raise BadRequestError(f"options.cache.namespace: expected text, got {found.namespace!r}")
    return found
