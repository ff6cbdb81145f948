"""The settings of `[providers.mock]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, get_args

import attrs
from attrs import field, frozen

from jackfield.operations import ChatRequest, CompleteRequest, EmbedRequest
from jackfield.types import ModelInfo

from .checks import SECONDS, at_least, items, listed, one_of, optional, textual
from .faults import Fault
from .replies import Chunk, Reply, chunk_check, replies_check
from .rules import Rule

__all__ = ["Exhausted", "MockOptions", "MockSettings"]

Exhausted = Literal["error", "repeat", "cycle"]
FIELDS = frozenset(
    one.name
    for cls in (ChatRequest, CompleteRequest, EmbedRequest)
    for one in attrs.fields(cls)
    if one.name not in {"messages", "prompt", "input", "model", "options", "unsupported"}
)


def _each(kind: type[Any] | tuple[type[Any], ...], what: str) -> Any:
    def check(_: object, attribute: Any, value: Any) -> None:
        items(value, attribute.alias, kind, what)

    return check


@frozen(kw_only=True)
class MockSettings:
    """Settings of `[providers.mock]`, or of any instance with `plugin = "mock"`.

    Attributes:
        replies: what is answered to chat and complete, one after another: text, a table of the fields of `Reply`, or
            from Python a `Reply` or a `Script`. With none, the mock says what it was told.
        exhausted: what comes after the last reply: "repeat" gives it for ever, "cycle" begins again, "error" is one.
        rules: what is answered to the requests that fit; the first rule that fits wins, and wins over the replies.
        faults: what goes wrong, each at its own rate.
        seed: another seed has other calls struck by faults.
        chunk: characters in each piece of a streamed text, or "word".
        delay: seconds before each event of a reply that names no delay.
        first_delay: seconds before the first event, in place of `delay`.
        dimensions: how long a vector is where the request does not say.
        models: the models that there are, by name or as a table of the fields of `ModelInfo`. With none, the mock has
            whichever model it is asked for.
        default_model: what the mock's model is called where the request names none.
        unsupported: fields of requests that the mock should refuse, as a provider does that has no such parameter.

    Raises:
        ConfigurationError: names the key, and what would be right.
    """

    replies: Sequence[str | Reply | Sequence[Any]] = field(default=(), validator=replies_check)
    exhausted: Exhausted = field(default="repeat", validator=one_of(*get_args(Exhausted)))
    rules: Sequence[Rule] = field(default=(), validator=_each(Rule, "a Rule"))
    faults: Sequence[Fault] = field(default=(), validator=_each(Fault, "a Fault"))
    seed: int = field(default=0, validator=at_least(-(2**63), "a whole number", int))
    chunk: Chunk = field(default=8, validator=chunk_check)
    delay: float = field(default=0.0, validator=SECONDS)
    first_delay: float | None = field(default=None, validator=optional(SECONDS))
    dimensions: int = field(default=16, validator=at_least(1, "a whole number of at least 1", int))
    models: Sequence[str | ModelInfo] = field(default=(), validator=_each((str, ModelInfo), "text or a ModelInfo"))
    default_model: str = field(default="mock", validator=textual)
    unsupported: Sequence[str] = field(default=(), validator=listed(FIELDS, "field of a request"))


class MockOptions(TypedDict, total=False):
    """The settings beside the replies, as keyword arguments."""

    exhausted: Exhausted
    rules: Sequence[Rule]
    faults: Sequence[Fault]
    seed: int
    chunk: Chunk
    delay: float
    first_delay: float | None
    dimensions: int
    models: Sequence[str | ModelInfo]
    default_model: str
    unsupported: Sequence[str]
