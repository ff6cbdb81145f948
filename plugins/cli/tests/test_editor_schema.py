"""The JSON Schema of the configuration: it takes what the library takes, and refuses what it refuses."""

import json
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from configured import clean_folder, made, plugins, unfit

from jackfield_cli.configuring import check, schema, starter

jsonschema = pytest.importorskip("jsonschema")
pytest.importorskip("jackfield_schema")

__all__ = ["clean_folder", "made", "plugins"]

pytestmark = pytest.mark.usefixtures("clean_folder")
ROOT = Path(__file__).resolve().parents[3]
FENCE = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTS = sorted(
    file
    for pattern in ("README.md", "docs/**/*.md", "core/README.md", "providers/*/README.md", "plugins/*/README.md")
    for file in ROOT.glob(pattern)
)
BLOCKS = [
    pytest.param(text, id=f"{file.name}-{number}")
    for file in DOCUMENTS
    if file.exists()
    for number, text in enumerate(FENCE.findall(file.read_text(encoding="utf-8")))
]


@pytest.fixture
def validator(plugins):
    return validator_of(schema(plugins))


def validator_of(made):
    return checked(json.dumps(made))


@cache
def of_all():
    """The schema with all that is installed."""
    return schema()


@cache
def checked(text):
    # whether a schema is one takes half a second to say, and once is enough for each
    made = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


def table_of(text):
    table = tomllib.loads(text)
    if "project" in table or "build-system" in table:
        pytest.skip("it is the metadata of a package")
    return table["tool"]["jackfield"] if "tool" in table else table


@pytest.mark.parametrize("text", BLOCKS)
def test_every_configuration_of_the_documents_is_taken(text):
    pytest.importorskip("jackfield_openai")
    pytest.importorskip("jackfield_count")
    # what a document installs on its way is not installed here
    table = table_of(text)
    table["middleware"] = [item for item in table.get("middleware", []) if item["use"] == "count"]
    validator_of(of_all()).validate(table)


RIGHT = [
    "",
    'default = "fake:m"',
    'engine = "httpx"\nunsupported = "warn"',
    '[models]\na = "fake:m"\nb = ["fake:m", "fake:n"]\nc = { target = "fake:m", temperature = 0.5, stop = ["."] }',
    '[models.a]\ntarget = ["fake:m"]\nmax_output_tokens = 5\noptions = { fake = { x = 1 } }',
    '[providers.fake]\napi_key = { env = "FAKE_API_KEY" }\nretries = 3\nfast = true',
    '[providers.mine]\nplugin = "fake"\nbase_url = "http://127.0.0.1:1"',
    '[providers.fake]\nplugin = "other-fake"\nretries = 1',
    '[[middleware]]\nuse = "marks"\nsize = 2\nwhere = ["a"]\n[[middleware]]\nuse = "marks"\ntoken = { env = "T" }',
    "[timeouts]\ntotal = inf\nfirst = 5\n",
    "[network]\nproxy = 'http://127.0.0.1:3128'\nkeep_alive = 5\ntrust_env = false",
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_the_library_takes_is_taken(validator, plugins, monkeypatch, text):
    monkeypatch.setenv("FAKE_API_KEY", "sk-1")
    monkeypatch.setenv("T", "sk-2")
    table = tomllib.loads(text)
    assert [one for one in check(table, plugins=plugins).problems if "fallback" not in str(one)] == []
    validator.validate(table)


WRONG = [
    "engin = 'auto'",
    "default = 3",
    "engine = 'aiohttp'",
    "unsupported = 'maybe'",
    "models = 5",
    "models.a = 5",
    "models.a = []",
    "models.a.temperature = 1",
    "models.a = { target = 'fake:m', temperature = 'high' }",
    "models.'a:b' = 'fake:m'",
    "providers = []",
    "providers.fake = 'sk-1'",
    "providers.fake.bas_url = 'https://x.example'",
    "providers.fake.retries = '5'",
    "providers.fake.retries = 1.5",
    "providers.fake.fast = 'yes'",
    "providers.fake.api_key = { var = 'X' }",
    "providers.fake.api_key = { env = '' }",
    "providers.mine = {}",
    "providers.mine.plugin = 'nobody'",
    "providers.mine = { plugin = 'fake', retires = 1 }",
    "providers.fake = { plugin = 'other-fake', retires = 1 }",
    "middleware = 'marks'",
    "middleware = ['marks']",
    "middleware = [{}]",
    "middleware = [{ use = 'nobody' }]",
    "middleware = [{ use = 'marks', sizes = 1 }]",
    "middleware = [{ use = 'marks', where = 'here' }]",
    "timeouts.totals = 5",
    "timeouts.total = 0",
    "timeouts.total = '5'",
    "network.prox = 'http://127.0.0.1'",
    "network.max_connections = 'many'",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_the_library_refuses_is_refused(validator, plugins, text):
    table = tomllib.loads(text)
    assert check(table, plugins=plugins).problems
    assert not validator.is_valid(table)


def test_the_starter_is_taken_as_it_is_and_with_all_of_it_opened():
    pytest.importorskip("jackfield_openai")
    pytest.importorskip("jackfield_count")
    for text in (starter(), re.sub(r"^#(?=[^ ])", "", starter(), flags=re.MULTILINE)):
        validator_of(of_all()).validate(tomllib.loads(text))


def test_an_editor_is_told_what_each_key_is_for(plugins):
    made = schema(plugins)
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["$defs"]["middleware.marks"]["properties"]["size"]["description"] == "how large a mark is."
    assert made["$defs"]["middleware.marks"]["properties"]["size"]["default"] == 1
    assert "deadline" in made["properties"]["timeouts"]["properties"]["total"]["description"]


def test_what_settings_share_is_defined_once(plugins):
    pytest.importorskip("jackfield_openai")
    found = schema(plugins)["$defs"]
    profiles = [name for name in found if name.endswith(".Profile")]
    assert len(profiles) == 1
    validator_of(schema(plugins)).validate({"providers": {"openai": {"profile": {"developer": True}}}})
    with pytest.raises(jsonschema.ValidationError):
        validator_of(schema(plugins)).validate({"providers": {"openai": {"profile": {"develops": True}}}})


def test_a_plugin_that_cannot_be_loaded_is_not_checked(plugins):
    plugins["provider"]["fake"] = unfit("it cannot be imported")
    validator_of(schema(plugins)).validate({"providers": {"fake": {"whatever": 1}}})
