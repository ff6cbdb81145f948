"""Each hook is documented, and some test calls it; so with keys, events and errors, which have their pages too."""

import re

import attrs
import pytest
from blocks import ROOT

from jackfield import config, errors, hooks, types
from jackfield.call import Call, Timeouts
from jackfield.config import NetworkOptions
from jackfield.middleware import Slot

HOOKS = sorted(name for name in vars(hooks) if name.startswith("jackfield_"))
TESTS = sorted(
    file
    for pattern in ("tests/**/test_*.py", "core/tests/**/test_*.py", "p*/*/tests/**/test_*.py")
    for file in ROOT.glob(pattern)
    if file.name != "test_hooks_documented.py"
)


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def named(word, text):
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def test_there_are_hooks():
    assert "jackfield_provider" in HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_a_section(hook):
    assert re.search(rf"^### `{hook}\(", page("extending.md"), flags=re.MULTILINE)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_implemented_in_a_test(hook):
    implemented = re.compile(rf"@hookimpl\n\s*def {hook}\(")
    assert [file for file in TESTS if implemented.search(file.read_text(encoding="utf-8"))]


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
