"""Every block of the documents runs, and every link leads somewhere."""

import importlib.util
import os
import re
import sys
from unittest.mock import patch

import pytest
from blocks import LANGUAGES, ROOT, Reader, blocks, documents, without_keys

DOCUMENTS = documents()
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
OPENING = ['pip install -r requirements.txt && jackfield chat "Hello"', "pip install tox && tox"]


@pytest.fixture
def reader(tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)
    with patch.dict(os.environ):  # a block may set variables of its own
        for name in without_keys():
            del os.environ[name]
        yield Reader(tmp_path, lambda: request.getfixturevalue("server"))
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_block_runs(file, reader):
    if importlib.util.find_spec("jackfield_cli") is None:
        pytest.skip("jackfield-cli is not installed")
    for block in blocks(file):
        if block.not_run is None:
            reader.follow(block)


def test_every_block_is_of_a_kind_that_is_run():
    unknown = [str(block) for file in DOCUMENTS for block in blocks(file) if block.language not in LANGUAGES]
    assert unknown == []


def test_what_is_not_run_is_listed_here():
    assert [f"{block}: {block.not_run}" for file in DOCUMENTS for block in blocks(file) if block.not_run] == []


def test_the_readme_opens_with_the_two_commands():
    first = next(blocks(ROOT / "README.md"))
    assert first.text.splitlines() == OPENING
    assert first.line < 8


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(file):
    text = re.sub(r"^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    local = [link.partition("#")[0] for link in LINK.findall(text) if "://" not in link]
    assert [link for link in local if link and not (file.parent / link).exists()] == []


@pytest.mark.parametrize("file", sorted(ROOT.glob("docs/**/*.md")), ids=lambda file: file.name)
def test_every_page_can_be_reached(file):
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text())}
    assert file == index or file in linked


# --- the collector itself -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "```python\nassert False\n```\n",
        "```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n",
        '```python\nprint("a")\n```\n\n```text\nb\n```\n',
        '```toml\ndefalt = "mock"\n```\n',
        "```dotenv\nOPENAI_API_KEY=\n```\n",
        "```console\nrm -r .\n```\n",
        "```console\npip install ./nowhere\n```\n",
        "```console\npip install nothing-of-ours\n```\n",
        "```console\ntox -e nowhere\n```\n",
        "```console\njackfield nonsense\n```\n",
    ],
)
def test_a_block_that_is_wrong_is_found(text, reader, tmp_path):
    file = tmp_path / "page.md"
    file.write_text(text)
    *before, last = blocks(file)
    for block in before:
        reader.follow(block)
    with pytest.raises(AssertionError, match=f"page.md:{last.line} "):
        reader.follow(last)


def test_blocks_are_found_with_their_place_and_their_reason(tmp_path):
    file = tmp_path / "page.md"
    file.write_text(
        "Words.\n\n<!-- not run: it needs a king -->\n```python\n# reign.py\nx = 1\n```\n\n```text\n\n```\n"
    )
    one, other = blocks(file)
    assert (one.line, one.language, one.named, one.not_run) == (4, "python", "reign.py", "it needs a king")
    assert (other.line, other.text, other.named, other.not_run) == (9, "\n", None, None)
