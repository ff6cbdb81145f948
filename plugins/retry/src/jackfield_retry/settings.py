"""What can be set, by the same names in a configuration, in Python and, in part, in one request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import Attribute, evolve, field, frozen

from jackfield.errors import BadRequestError, ConfigurationError
from jackfield.settings import nearest

__all__ = ["RetrySettings"]

PER_REQUEST: Final = ("attempts", "backoff", "max_backoff", "max_wait")
YEAR: Final = 31_536_000


def _from(least: float, most: float, *, whole: bool = False) -> Callable[[object, Attribute[Any], object], None]:
    what = f"{'a whole number' if whole else 'a number'} from {least:g} to {most:,}"

    def check(_: object, attribute: Attribute[Any], value: object) -> None:
        right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not right or not least <= value <= most:  # type: ignore[operator]  # NaN is not between them either
            raise ConfigurationError(f"{attribute.name}: expected {what}, got {value!r:.50}")

    return check


def _flag(_: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{attribute.name}: expected true or false, got {value!r:.50}")


@frozen(kw_only=True)
class RetrySettings:
    """Settings of `use = "retry"`.

    Attributes:
        attempts: how often a provider is asked for one call at most, the first time included.
        backoff: seconds that the first pause takes at most; each further one may take twice as long. Chance decides.
        max_backoff: the longest that such a pause may become.
        max_wait: seconds; a provider that asks to wait longer is not asked again.
        tokens: how many tokens the retries of all calls to one provider share.
        cost: the tokens that a retry costs; one that succeeds gets them back.
        timeout_cost: the same for a retry after a timeout.
        refund: the tokens that a call brings which succeeds at once.
        circuit: whether a target that keeps failing is left alone for a while.
        circuit_failures: after how many failures in a row.
        circuit_seconds: for how long, until one call may try it.
        circuit_rate_limits: whether a rate limit (429) counts as such a failure.

    Raises:
        ConfigurationError: names the setting, the value and what would be right.
    """

    attempts: int = field(default=3, validator=_from(1, 100, whole=True))
    backoff: float = field(default=0.5, validator=_from(0, YEAR))
    max_backoff: float = field(default=20.0, validator=_from(0, YEAR))
    max_wait: float = field(default=60.0, validator=_from(0, YEAR))
    tokens: int = field(default=500, validator=_from(0, 1_000_000_000, whole=True))
    cost: int = field(default=5, validator=_from(0, 1_000_000_000, whole=True))
    timeout_cost: int = field(default=10, validator=_from(0, 1_000_000_000, whole=True))
    refund: int = field(default=1, validator=_from(0, 1_000_000_000, whole=True))
    circuit: bool = field(default=True, validator=_flag)
    circuit_failures: int = field(default=10, validator=_from(1, 1_000_000, whole=True))
    circuit_seconds: float = field(default=30.0, validator=_from(0.001, YEAR))
    circuit_rate_limits: bool = field(default=False, validator=_flag)

    def with_options(self, options: Mapping[str, Any]) -> RetrySettings:
        """These settings, with what one request changes of them.

        Raises:
            BadRequestError: names the option, the value and what would be right.
        """
        for name in options:
            if name not in PER_REQUEST:
                raise BadRequestError(f"options.retry.{name}: no such option; {nearest(str(name), PER_REQUEST)}")
        try:
            return evolve(self, **options)
        except ConfigurationError as error:
            raise BadRequestError(f"options.retry.{error.message}") from None
