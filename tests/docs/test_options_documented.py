"""What a request can say to OpenRouter alone is in its page, each by its name, for the operations that have it."""

import re

import attrs
import pytest
from blocks import ROOT

from jackfield_openrouter import (
    ChatOptions,
    CompleteOptions,
    EmbedOptions,
    OpenRouterSettings,
    ProviderPreferences,
    Served,
)
from jackfield_openrouter.plugins import PLUGINS, STOPS

PAGE = (ROOT / "docs/openrouter-options.md").read_text(encoding="utf-8")


def names(cls):
    return {field.name for field in attrs.fields(cls)}


def rows(heading):
    """The cells of the table under a row of headings; the first names one thing or several."""
    table = PAGE.partition(f"| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    for line in table:
        first, *others = [cell.strip() for cell in line[1:-1].split("|")]
        for name in re.findall(r"`([\w-]+)`", first):
            yield name, others


@pytest.mark.parametrize(("column", "cls"), [(0, ChatOptions), (1, CompleteOptions), (2, EmbedOptions)])
def test_each_operation_has_the_options_that_its_page_says(column, cls):
    assert {name for name, cells in rows("option") if cells[column] == "yes"} == names(cls)


def test_every_preference_plugin_and_fact_is_named():
    assert {name for name, _ in rows("key of `provider`")} == names(ProviderPreferences)
    assert {name for name, _ in rows("`id`")} == PLUGINS.keys()
    assert {name for name, _ in rows("field")} == names(Served)
    assert {name for name, _ in rows("setting")} <= names(OpenRouterSettings)
    for cls in PLUGINS.values():
        assert names(cls) - {"id", "enabled"} <= set(re.findall(r"[\w-]+", PAGE))
    assert all(f"`{name}`" in PAGE or f'"{name}"' in PAGE for name in STOPS)
