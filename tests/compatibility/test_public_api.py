"""The public names are those that the snapshots tell, and a change that breaks who uses them has to be told.

A snapshot is what a user of the last release, or a plugin for it, may rely on: see `docs/compatibility.md`.
"""

import re
from importlib.metadata import PackageNotFoundError, distribution
from typing import Protocol

import pytest
from attrs import frozen
from public_api import (
    COMMAND,
    FRAGMENTS,
    PUBLIC_ROOMS,
    SNAPSHOTS,
    breakages,
    described,
    modules_of,
    packages,
    snapshot,
    untold,
)

from jackfield.hooks import hookspec

pytest.importorskip("griffe")

PACKAGES = packages()


def old(package):
    return (SNAPSHOTS / f"{package}.txt").read_text(encoding="utf-8")


# --- the real ones


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_is_broken_in_silence_and_the_snapshot_is_up_to_date(package):
    try:
        distribution(package.replace("_", "-"))
    except PackageNotFoundError:
        pytest.skip("it is not installed here")
    now = snapshot(package)
    broken = breakages(old(package), now)
    missing = [f"`{one}`: {broken[one]}" for one in untold(broken)]
    assert not missing, "this breaks who uses it; name it so in a fragment +name.removal.md or +name.change.md"
    assert old(package) == now, f"the public names have changed: {COMMAND}"


def test_each_distribution_has_a_snapshot_and_nothing_else_has():
    assert {file.stem for file in SNAPSHOTS.glob("*.txt")} == {*PACKAGES}


def test_the_core_has_its_public_rooms_and_each_package_itself():
    assert {*modules_of("jackfield")} == PUBLIC_ROOMS
    for package in PACKAGES:
        assert package in modules_of(package)
        assert not [one for one in modules_of(package) if "._" in one]


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("jackfield", "    def chat(self, messages, *, timeout=None, **options): ..."),
        ("jackfield", "class jackfield_provider:"),
        ("jackfield", "    def __implemented_by__(done, end, feed): ..."),
        ("jackfield", "providers = ..."),
        ("jackfield", "def timeouts(*, connect=10.0, total=600.0, first=300.0, silence=120.0): ..."),
        ("jackfield_cli", "    no_stream = '--no-stream'"),
        ("jackfield_cli", "class command_config_explain:"),
        ("jackfield_cache", "def store_memory(*, max_entries=10000, max_bytes=67108864): ..."),
        ("jackfield_mock", "class providers_here:"),
        ("jackfield_openrouter", "# jackfield_openrouter.testing"),
        ("jackfield_testkit", "# jackfield_testkit.simulation"),
        ("jackfield_wire_openai", "# jackfield_wire_openai.streams"),
    ],
)
def test_what_is_promised_is_in_the_snapshots(package, line):
    assert line in old(package).splitlines()


@pytest.mark.parametrize("package", PACKAGES)
def test_whatever_is_taken_out_of_a_snapshot_is_a_breakage(package):
    now = old(package)
    lines = now.splitlines()
    tops = [at for at, line in enumerate(lines) if re.match(r"(class|def|async def|\w+ =)", line)]
    # one in seven of them, since each takes a look at all
    for at in tops[:: max(1, len(tops) // 7)]:
        end = next((one for one in range(at + 1, len(lines)) if not lines[one].startswith(" ")), len(lines))
        name = re.search(r"\w+", lines[at].removeprefix("async ").removeprefix("class ").removeprefix("def "))[0]
        broken = breakages(now, "\n".join([*lines[:at], *lines[end:]]))
        assert any(path.endswith(f".{name}") for path in broken), lines[at]


# --- planted changes


def call(model, *, timeout=None, tries=2):
    return model


@frozen
class Options:
    model: str
    speed: float = 1.0


class Store(Protocol):
    quick: bool

    def get(self, key): ...


class Runner:
    async def run(self): ...

    def stop(self): ...


def text(**names):
    return "\n".join(["# some.module", *(line for name, value in names.items() for line in described(name, value))])


BEFORE = text(call=call, Options=Options, Store=Store, Runner=Runner, LIMIT=10, other=call)


def changed(**names):
    now = {"call": call, "Options": Options, "Store": Store, "Runner": Runner, "LIMIT": 10, "other": call, **names}
    return breakages(BEFORE, text(**{name: value for name, value in now.items() if value is not None}))


def test_nothing_is_broken_where_nothing_has_changed():
    assert changed() == {}


def test_a_removed_name_is_a_breakage():
    assert [*changed(other=None)] == ["some.module.other"]
    assert [*changed(Options=None)] == ["some.module.Options"]


def test_a_removed_module_is_a_breakage():
    assert breakages(BEFORE, "# another.module\n") == {"some.module": "the module was removed"}


@pytest.mark.parametrize(
    ("now", "path"),
    [
        (lambda model, *, timeout=None, tries=2, region: 0, "some.module.call(region)"),
        (lambda model, region, *, timeout=None, tries=2: 0, "some.module.call(region)"),
        (lambda model, *, timeout=None: 0, "some.module.call(tries)"),
        (lambda model, *, timeout=None, attempts=2: 0, "some.module.call(tries)"),
        (lambda model, *, timeout=None, tries=3: 0, "some.module.call(tries)"),
        (lambda model, *, timeout, tries=2: 0, "some.module.call(timeout)"),
        (lambda *, model, timeout=None, tries=2: 0, "some.module.call(model)"),
    ],
    ids=["required by keyword", "required", "removed", "renamed", "default", "no default", "by keyword alone"],
)
def test_a_function_that_takes_something_else_is_a_breakage(now, path):
    assert path in changed(call=now)


def test_a_renamed_field_is_a_breakage_and_so_is_one_that_must_be_given_now():
    @frozen
    class Renamed:
        model: str
        pace: float = 1.0

    @frozen
    class Demanding:
        model: str
        region: str
        speed: float = 1.0

    assert {"some.module.Options.speed", "some.module.Options.__init__(speed)"} <= changed(Options=Renamed).keys()
    assert "some.module.Options.__init__(region)" in changed(Options=Demanding)


def test_one_more_method_breaks_who_implements_a_contract_and_one_less_who_calls_it():
    class More(Store, Protocol):
        def clear(self): ...

    class Less(Protocol):
        quick: bool

    assert "some.module.Store.__implemented_by__(clear)" in changed(Store=More)
    assert "some.module.Store.get" in changed(Store=Less)


def test_a_function_that_is_to_be_awaited_or_no_longer_is_a_breakage():
    class Other:
        def run(self): ...

        async def stop(self): ...

    assert {*changed(Runner=Other)} == {"some.module.Runner.run", "some.module.Runner.stop"}


def test_a_method_that_becomes_a_property_is_a_breakage_and_so_is_another_constant():
    class Other:
        async def run(self): ...

        @property
        def stop(self): ...

    assert "some.module.Runner.stop" in changed(Runner=Other)
    assert [*changed(LIMIT=11)] == ["some.module.LIMIT"]


def test_an_error_with_another_base_is_a_breakage():
    was, now = type("Wrong", (ValueError, OSError), {}), type("Wrong", (ValueError,), {})
    assert [*breakages(text(Wrong=was), text(Wrong=now))] == ["some.module.Wrong"]


def test_a_hook_may_have_one_more_argument_and_not_one_less():
    @hookspec
    def jackfield_thing(name, settings): ...

    @hookspec
    def more(name, settings, registry): ...

    @hookspec
    def less(name): ...

    def of(hook):
        return "\n".join(["# jackfield.hooks", *described("jackfield_thing", hook, hook=True)])

    assert breakages(of(jackfield_thing), of(more)) == {}
    assert [*breakages(of(jackfield_thing), of(less))] == ["jackfield.hooks.jackfield_thing.settings"]


def test_what_is_added_breaks_nobody():
    @frozen
    class More:
        model: str
        speed: float = 1.0
        region: str | None = None

    assert changed(call=lambda model, *, timeout=None, tries=2, region=None: 0, new=call, Options=More) == {}


@pytest.mark.parametrize(
    ("was", "now", "path"),
    [
        (
            "class providers_here:\n    acme = ...\n    b = ...",
            "class providers_here:\n    b = ...",
            "providers_here.acme",
        ),
        ("def top(*, default=None): ...", "def top(*, default=None, extra): ...", "top(extra)"),
        ("def top(*, default=None, slots=()): ...", "def top(*, default=None): ...", "top(slots)"),
        (
            "class command_chat:\n    model = '-m'\n    b = '-b'",
            "class command_chat:\n    b = '-b'",
            "command_chat.model",
        ),
    ],
    ids=["an entry point", "a key that must be there", "a key", "an option"],
)
def test_a_name_that_people_write_is_as_good_as_any(was, now, path):
    assert [*breakages(f"# acme.all\n{was}\n", f"# acme.all\n{now}\n")] == [f"acme.all.{path}"]


# --- telling it


def test_a_breakage_that_a_fragment_names_is_told(tmp_path):
    fragment = tmp_path / "+call.removal.md"
    fragment.write_text("`some.module.call(tries)` is gone: the middleware decides.\n", encoding="utf-8")
    broken = ["some.module.call(tries)", "some.module.other"]
    assert untold(broken, [fragment]) == ["some.module.other"]
    assert untold(broken, []) == broken


def test_only_fragments_about_changes_and_removals_count():
    text = "`no.such.name`"
    assert untold(["no.such.name"]) == ["no.such.name"]
    assert not [file for file in FRAGMENTS.glob("*.md") if text in file.read_text(encoding="utf-8")]
