"""How a model is tuned: methods and hyperparameters, within the bounds of OpenAI's description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from jackfield.errors import BadRequestError

__all__ = ["METHODS", "read_hyperparameters", "read_method", "wire_method"]

METHODS: Final = ("supervised", "dpo", "reinforcement")
AUTO: Final = "auto"
EFFORTS: Final = ("default", "low", "medium", "high")


def _whole(low: int, high: int | None = None) -> tuple[Callable[[Any], bool], str]:
    what = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"
    return (lambda value: type(value) is int and low <= value and (high is None or value <= high)), what


def _number(high: float | None = None) -> tuple[Callable[[Any], bool], str]:
    what = "a number above 0" if high is None else f"a number above 0, at most {high:g}"
    return (lambda value: type(value) in (int, float) and 0 < value <= (high or 1e308)), what


COMMON: Final = ("n_epochs", "batch_size", "learning_rate_multiplier")
BOUNDS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "n_epochs": _whole(1, 50),
    "batch_size": _whole(1, 256),
    "learning_rate_multiplier": _number(),
    "beta": _number(2),
    "compute_multiplier": _number(10),
    "eval_interval": _whole(1),
    "eval_samples": _whole(1),
    "reasoning_effort": (EFFORTS.__contains__, f"one of {', '.join(EFFORTS)}"),
}
OF_METHOD: Final[Mapping[str, tuple[str, ...]]] = {
    "supervised": COMMON,
    "dpo": (*COMMON, "beta"),
    "reinforcement": (*COMMON, "compute_multiplier", "eval_interval", "eval_samples", "reasoning_effort"),
}


def read_method(_: object, __: object, value: Any) -> None:
    """Check a method: a word, or a table that says its type.

    Raises:
        BadRequestError: it is neither.
    """
    kind = value.get("type") if isinstance(value, Mapping) else value
    if value is not None and (kind not in METHODS):
        what = f"one of {', '.join(METHODS)}, or a table whose `type` is"
        raise BadRequestError(f"method: expected {what}, got {value!r:.200}")


def read_hyperparameters(_: object, __: object, value: Any) -> None:
    """Check hyperparameters: their names, and their bounds.

    Raises:
        BadRequestError: names the hyperparameter, the value and what would be right.
    """
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise BadRequestError(f"hyperparameters: expected a dictionary, got {value!r:.200}")
    for name, one in value.items():
        if name not in BOUNDS:
            close = get_close_matches(str(name), BOUNDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(BOUNDS)}"
            raise BadRequestError(f"hyperparameters: no such one as {name!r}; {hint}")
        fits, what = BOUNDS[name]
        automatic = name != "reasoning_effort"
        if not (fits(one) or (automatic and one == AUTO)):
            raise BadRequestError(f"hyperparameters.{name}: expected {what}{', or auto' * automatic}, got {one!r:.200}")


def wire_method(
    method: str | Mapping[str, Any] | None, hyperparameters: Mapping[str, Any] | None, grader: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """The method as the API has it; None where nothing is said of it.

    Raises:
        BadRequestError: the method has no such hyperparameter, or there is a grader where none is used, or none where
            one is.
    """
    if method is None and hyperparameters is None and grader is None:
        return None
    table: dict[str, Any] = dict(method) if isinstance(method, Mapping) else {}
    kind = table.setdefault("type", method or ("supervised" if grader is None else "reinforcement"))
    own = dict(table.get(kind) or {})
    for name in hyperparameters or {}:
        if name not in OF_METHOD[kind]:
            raise BadRequestError(
                f"hyperparameters.{name}: method {kind!r} has none; it has {', '.join(OF_METHOD[kind])}"
            )
    if hyperparameters:
        own["hyperparameters"] = {**(own.get("hyperparameters") or {}), **hyperparameters}
    if grader is not None:
        own["grader"] = dict(grader)
    if (kind == "reinforcement") != ("grader" in own):
        what = "it needs one" if kind == "reinforcement" else "it has none"
        raise BadRequestError(f"grader: method {kind!r}: {what}")
    if own:
        table[kind] = own
    return table
