"""What the three suites share: cases that are made for each value, waivers, and how a broken rule is told."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final, TypeVar

__all__ = ["SECRET", "SPELLED", "Conformance", "each", "expect", "told"]

SECRET: Final = "sk-conformance-4f9c1d7e2a"  # noqa: S105 - it opens nothing
"""Put it where the plugin's settings want a key: the suite looks for it everywhere else."""

LONGEST: Final = 600


def _in_base64(text: str, before: int) -> str:
    """What base64 makes of a text behind so many other bytes, as far as these have no part in it."""
    encoded = b64encode(b" " * before + text.encode()).decode()
    return encoded[-(-before * 8 // 6) : (before + len(text)) * 8 // 6]


SPELLED: Final = (SECRET, *(_in_base64(SECRET, before) for before in range(3)))
"""The secret as it stands, and as it would stand amid others in base64."""

F = TypeVar("F", bound=Callable[..., Any])


def expect(right: object, rule: str) -> None:
    """Fail the case unless something holds; the rule is what its author reads."""
    __tracebackhide__ = True
    if not right:
        raise AssertionError(rule)


def told(value: object) -> str:
    """A value for a message, in a bearable length."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"


def each(method: str) -> Callable[[F], F]:
    """Run a case once for each value that a method of the suite gives, as pairs of name and value; as `case`."""

    def mark(function: F) -> F:
        function.__jackfield_each__ = method  # type: ignore[attr-defined]
        return function

    return mark


class Conformance:
    """Base of the suites. A subclass whose name begins with `Test` is collected by pytest.

    Attributes:
        plugin: the name of the plugin's entry point; or, for one that is not installed, any name that `plugins` has.
        settings: its settings, as a configuration would have them.
        plugins: modules or objects with hook implementations by kind and name, as a client takes them.
        waivers: cases that the plugin does not pass, and why. A key is the name of a case without `test_`, with its
            brackets or without: `{"field_is_sent_or_reported[chat-top_k]": "the service has no such parameter"}`.
            They are listed at the end of the run. A waiver with brackets must be needed: the case must fail.
    """

    plugin: ClassVar[str] = ""
    settings: ClassVar[Mapping[str, Any]] = {}
    plugins: ClassVar[Mapping[Any, Mapping[str, object]]] = {}
    waivers: ClassVar[Mapping[str, str]] = {}

    __jackfield_conformance__: ClassVar[bool] = True

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Make the cases."""
        method = getattr(metafunc.function, "__jackfield_each__", None)
        if method is not None:
            cases: Iterable[tuple[str, Any]] = getattr(self, method)()
            pairs = list(cases)
            metafunc.parametrize("case", [value for _, value in pairs], ids=[name for name, _ in pairs])

    def test_waivers_name_cases(self, request: Any) -> None:
        """Each waiver names a case that there is, and gives a reason."""
        names = {waivable(item.name) for item in request.node.parent.collect()}
        known = names | {name.partition("[")[0] for name in names}
        for name, reason in self.waivers.items():
            expect(name in known, f"waivers[{name!r}]: there is no such case; there are {', '.join(sorted(known))}")
            expect(str(reason).strip(), f"waivers[{name!r}]: say why, in a sentence")


def waivable(name: str) -> str:
    """The name of a test as waivers know it."""
    return name.removeprefix("test_")


def waiver(waivers: Mapping[str, str], name: str) -> tuple[str, bool] | None:
    """Why a test need not pass, and whether it must fail; None where it must pass."""
    name = waivable(name)
    if name in waivers:
        return waivers[name], True
    whole = waivers.get(name.partition("[")[0])
    return None if whole is None else (whole, False)
