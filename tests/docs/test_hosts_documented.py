"""The page on hosts names each of them, as the table has it."""

import re
from pathlib import Path

import pytest

hosts = pytest.importorskip("jackfield_openai.hosts")

PAGE = (Path(__file__).parents[2] / "docs" / "openai-hosts.md").read_text(encoding="utf-8")
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \| (.+) \| `(.+)` \| (.+) \|$", PAGE, re.MULTILINE)}


def test_each_host_has_its_row_and_nobody_else():
    assert list(ROWS) == sorted(hosts.HOSTS)


@pytest.mark.parametrize("name", hosts.HOSTS)
def test_a_row_says_what_the_table_says(name):
    host = hosts.HOSTS[name]
    key, base_url, models = ROWS[name]
    assert key == (f"`{getattr(hosts, name).variable}`" if host.needs_key else "none needed")
    assert base_url == host.base_url
    assert re.findall(r"`([^`]+)`(?: for `(\w+)`)?", models) == [
        (model, "" if operation == "chat" else operation) for operation, model in host.models.items()
    ]
