"""Each hook and each contract is documented and tested; so with keys, events and errors, which have their pages too."""

import inspect
import re

import attrs
import pytest
from blocks import ROOT
from public_api import described

from jackfield import config, doors, errors, hooks, operations, provider, runtime, types
from jackfield.call import Call, Timeouts
from jackfield.config import NetworkOptions
from jackfield.middleware import Middleware, Slot

HOOKS = sorted(name for name in vars(hooks) if name.startswith("jackfield_"))
TESTS = sorted(
    file
    for pattern in ("tests/**/test_*.py", "core/tests/**/test_*.py", "p*/*/tests/**/test_*.py")
    for file in ROOT.glob(pattern)
    if file.name != "test_hooks_documented.py"
)
SOURCES = [file.read_text(encoding="utf-8") for file in TESTS]


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def named(word, text):
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


CONTRACTS = {
    "Provider": provider.Provider,
    "HttpProvider": provider.HttpProvider,
    "Fields": provider.Fields,
    "Decoder": provider.Decoder,
    "Middleware": Middleware,
    "Operation": operations.Operation,
    "Fold": (operations.Fold, operations.ResponseFold),
    "Schemas": doors.Schemas,
    "Shapes": doors.Shapes,
    "Network": runtime.Network,
    "Reply": runtime.Reply,
    "Limits": runtime.Limits,
    "Control": runtime.Control,
    "Runtime": runtime.Runtime,
    "Signal": runtime.Signal,
}
BASES = {"HttpProvider": provider.Provider}
# what the core calls in the order of its own, and a test sees by what comes of it
UNSEEN = {"made_of", "elsewhere"}


def members_of(contract):
    """The public names of a contract, without those of its base, which has a section of its own."""
    kinds = contract if isinstance(contract, tuple) else (contract,)
    return {
        name for kind in kinds for name in re.findall(r"^    (?:async def |def )?(\w+)", told(kind), flags=re.MULTILINE)
    }


def told(kind):
    return re.sub(r"^    def __(?:init|implemented_by)__.*$", "", "\n".join(described("it", kind)), flags=re.MULTILINE)


def contracts():
    from importlib.util import find_spec

    found = dict(CONTRACTS)
    if find_spec("jackfield_cache"):
        from jackfield_cache import Store

        found["Store"] = Store
    return found


MEMBERS = [
    (section, member)
    for section, contract in contracts().items()
    for member in sorted(members_of(contract) - (members_of(BASES[section]) if section in BASES else set()))
]


def section_of(name, text):
    """The part of a page below a heading, up to the next one."""
    return re.search(rf"^##+ {name}\n(.*?)(?=^##|\Z)", text, flags=re.MULTILINE | re.DOTALL)[1]


@pytest.mark.parametrize(("section", "member"), MEMBERS, ids=lambda value: value)
def test_each_member_of_a_contract_has_a_row(section, member):
    rows = re.findall(r"^\| (.*?) \|", section_of(section, page("hooks.md")), flags=re.MULTILINE)
    assert any(re.search(rf"`(?:await )?{member}\b", row) for row in rows)


@pytest.mark.parametrize(("section", "member"), MEMBERS, ids=lambda value: value)
def test_each_row_of_a_contract_is_of_a_member(section, member):
    known = {one for where, one in MEMBERS if where == section} | {"aclose", "endpoint", "cache"}
    rows = re.findall(r"^\| (`.*?`) \|", section_of(section, page("hooks.md")), flags=re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(?:await )?(\w+)", row)} <= known


@pytest.mark.parametrize(("section", "member"), MEMBERS, ids=lambda value: value)
def test_each_member_of_a_contract_is_used_in_a_test(section, member):
    used = re.compile(rf"(?:\.|def ){member}\b|\b{member}\s*[:=]")
    assert member in UNSEEN or any(used.search(source) for source in SOURCES)


def test_there_are_hooks():
    assert "jackfield_provider" in HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_a_section_that_names_its_arguments(hook):
    arguments = ", ".join(inspect.signature(getattr(hooks, hook)).parameters)
    assert f"\n### `{hook}({arguments})`\n" in page("hooks.md")


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_a_test_that_is_called_after_it(hook):
    assert any(re.search(rf"^def test_hook_{hook}_", source, flags=re.MULTILINE) for source in SOURCES)


@pytest.mark.parametrize("group", ["providers", "middleware", "stores", "commands", "schemas", "shapes"])
def test_a_group_of_entry_points_is_documented(group):
    assert f"| `jackfield.{group}` |" in page("hooks.md")


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_implemented_in_a_test(hook):
    implemented = re.compile(rf"@hookimpl\n\s*def {hook}\(")
    assert any(implemented.search(source) for source in SOURCES)


@pytest.mark.parametrize("key", [*config.KEYS, *attrs.fields_dict(Timeouts)])
def test_a_key_of_the_configuration_is_documented(key):
    assert named(key, page("configuration.md"))


@pytest.mark.parametrize("name", attrs.fields_dict(NetworkOptions))
def test_a_setting_of_the_network_is_documented(name):
    assert named(name, page("clients.md"))


@pytest.mark.parametrize("name", sorted(set(types.__all__) - {"Part", "Role", "ToolChoice"}))
def test_a_type_is_documented(name):
    assert named(name, page("events.md"))


@pytest.mark.parametrize("name", errors.__all__)
def test_an_error_is_documented(name):
    assert named(name, page("events.md"))


@pytest.mark.parametrize("name", [*Slot.__members__, *(name for name in attrs.fields_dict(Call) if name[0] != "_")])
def test_what_middleware_sees_is_documented(name):
    assert named(name, page("extending.md"))
