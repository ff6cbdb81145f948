"""Where a request goes: the call, what its host and model take, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from jackfield.call import Call
from jackfield.errors import BadRequestError
from jackfield.operations import Notice
from jackfield.provider import Fields
from jackfield.types import CacheMark, Role

from .profiles import DEFAULTS, ModelRule, Profile

__all__ = ["Destination", "put"]

SOME: Final = "some"  # an effort that nobody has named: a number of tokens, or no more than that there is one


@frozen
class Destination:
    """A call, and what is known of the host and the model that it goes to.

    Attributes:
        call: the call.
        fields: the fields of its request.
        profile: what the host takes.
        rule: what the model takes; None where nothing is known.
        plugin: the name under which the request's options stand.
        options: the request's options for this plugin.
    """

    call: Call[Any]
    fields: Fields
    profile: Profile
    rule: ModelRule | None = None
    plugin: str = "openai"
    options: Mapping[str, Any] = field()
    refused: frozenset[str] = field(init=False)

    @options.default
    def _options(self) -> Mapping[str, Any]:
        options: Mapping[str, Any] = self.call.request.options.get(self.plugin, {})
        return options

    @refused.default
    def _refused(self) -> frozenset[str]:
        if self.rule is None:
            return frozenset()
        effort = getattr(self.call.request, "reasoning_effort", None) or self.beside("reasoning_effort")
        match self.beside("reasoning"):
            case {"effort": str(other)} if not effort:
                effort = other
            case {"enabled": False} if not effort:
                effort = "none"
            case {"enabled": True} | {"max_tokens": int()} if not effort:
                effort = SOME
        if not effort and getattr(self.call.request, "reasoning_budget", None):
            effort = SOME
        return self.rule.refused(effort)

    def beside(self, name: str) -> Any:
        """What stands under this name of the wire among the options or in `extra_body`."""
        value = self.options.get(name)
        return (self.call.request.extra_body or {}).get(name) if value is None else value

    def take(self, name: str) -> Any:
        """A field's value, or None where it is not set or the host or the model refuses it, which is reported.

        Raises:
            UnsupportedError: it is refused, and the caller does not allow that it is left out.
        """
        value = self.fields.take(name)
        refused = name in self.refused or name in (self.profile.refuses or ())
        if value is None or (refused and isinstance(value, tuple | Mapping) and not value):
            return None  # none of them is what nobody refuses
        if why := self._absent(name, value):
            self.report(name, why)
            return None
        if self.rule is None or name not in self.refused:
            return value
        if name in DEFAULTS and DEFAULTS[name] == value:
            if self.rule.takes_defaults:
                return value
            self.call.rewrote(name, "left out: the model refuses it, and does the same without")
            return None
        reasons = "" if name in self.rule.refuses else " while it reasons"
        self.report(name, f"model {self.call.target.model!r} refuses it{reasons}")
        return None

    def _absent(self, name: str, value: Any) -> str | None:
        """Why the host has no place for a field, or None where it has."""
        if name == "n" and value > 1 and not self.profile.choices:
            return "the host gives one choice, whatever it is asked for"
        if name in (self.profile.refuses or ()):
            return "the host has no such parameter"
        return None

    def named(self, name: str) -> str:
        """What the host calls a parameter of the wire."""
        return (self.profile.names or {}).get(name, name)

    def role(self, role: Role, where: str) -> Role:
        """The role under which a turn is sent.

        Raises:
            UnsupportedError: the model takes no such turn, and the caller does not allow another role.
        """
        if role not in {"system", "developer"}:
            return role
        if self.rule is not None and not self.rule.instructions:
            why = f"model {self.call.target.model!r} takes no turn of role {role!r}; it would be sent as the user's"
            self.report(f"{where}.role", why)
            return "user"
        if role == "developer" and not self.profile.developer:
            self.call.rewrote(f"{where}.role", "'developer' is sent as 'system': the host may not know it")
            return "system"
        return role

    def report(self, name: str, why: str) -> None:
        """Say that something cannot be carried, before it is left out.

        Raises:
            UnsupportedError: unless the caller allows that it is left out.
        """
        self.call.report(name, why)

    def report_mark(self, cache: CacheMark | None, where: str) -> None:
        """Report a mark for the prompt cache that stands where the wire has no place for one.

        Raises:
            UnsupportedError: unless the caller allows that it is left out.
        """
        if cache is not None:
            self.report(f"{where}.cache", "the wire has no place for a mark here")

    def leave_out(self, name: str, why: str) -> None:
        """Leave out what only its own provider wants back: it is noted, and no error."""
        self.call.ledger.note(Notice("unsupported", name, why))


def put(wire: dict[str, Any], more: Mapping[str, Any] | None, where: str) -> None:
    """Add fields as they are.

    Raises:
        BadRequestError: one of them is there already, with another value.
    """
    for key, value in (more or {}).items():
        if key in wire and wire[key] != value:
            raise BadRequestError(f"{where}.{key}: this is set already, by a field of ours")
        wire[key] = value
