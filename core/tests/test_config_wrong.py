"""Wrong configurations, and what each is told, word for word. What begins with `[tool` is a pyproject.toml."""

import pytest
from configured import write

from jackfield.errors import ConfigurationError

WRONG = [
    ("default = ", "jackfield.toml: not valid TOML: Invalid value (at line 1, column 11)"),
    (
        """\
default = "fake:m"
engine = "auto
""",
        "jackfield.toml: not valid TOML: Illegal character '\\n' (at line 2, column 15)",
    ),
    (
        """\
default = 1
default = 2
""",
        "jackfield.toml: not valid TOML: Cannot overwrite a value (at line 2, column 12)",
    ),
    ('engin = "auto"', "jackfield.toml, line 1: engin: no such key; did you mean 'engine'?"),
    ('model = "fake:m"', "jackfield.toml, line 1: model: no such key; did you mean 'models'?"),
    ("default = 3", "jackfield.toml, line 1: default: expected text, got 3"),
    ('default = ["fake:m"]', "jackfield.toml, line 1: default: expected text, got a list"),
    (
        """\

# a comment
engine = "requests"
""",
        "jackfield.toml, line 3: engine: expected one of auto, httpx, httpx2, got 'requests'",
    ),
    ('unsupported = "ignore"', "jackfield.toml, line 1: unsupported: expected one of error, warn, drop, got 'ignore'"),
    (
        'default = "fkae:m"',
        (
            "jackfield.toml, line 1: default: expected 'provider:model' or an alias, and 'fkae' is neither "
            "an alias nor a provider; did you mean 'fake'?"
        ),
    ),
    (
        """\
default = "fast"
[models]
fats = "fake:m"
""",
        (
            "jackfield.toml, line 1: default: expected 'provider:model' or an alias, and 'fast' is neither "
            "an alias nor a provider; did you mean 'fats'?"
        ),
    ),
    (
        'default = "fake"',
        "jackfield.toml, line 1: default: provider 'fake' has no default model for 'chat'; write 'fake:model'",
    ),
    (
        """\
[providers.fake]
[providers.other-fake]
""",
        (
            "no model was named, and there is no default: set `default` in the configuration to a model of "
            "'fake' or 'other-fake'"
        ),
    ),
    ('models = "fake:m"', "jackfield.toml, line 1: models: expected a table, got 'fake:m'"),
    (
        '[providers."a:b"]',
        (
            "jackfield.toml, line 1: providers.a:b: a provider has no colon, so that it "
            "cannot stand in for a 'provider:model'"
        ),
    ),
    (
        """\
default = "a"
[models]
"a:b" = "fake:m"
""",
        "jackfield.toml, line 3: models.a:b: an alias has no colon, so that it cannot stand in for a 'provider:model'",
    ),
    (
        """\
default = "a"
[models]
a = 5
""",
        "jackfield.toml, line 3: models.a: expected 'provider:model', a list of them, or a table with a target, got 5",
    ),
    (
        """\
default = "a"
[models]
a = []
""",
        (
            "jackfield.toml, line 3: models.a: expected 'provider:model', a list of them, or a table with a "
            "target, got a list"
        ),
    ),
    (
        """\
default = "a"
[models.a]
temperature = 1
""",
        (
            "jackfield.toml, line 2: models.a: expected 'provider:model', a list of them, or a table with a "
            "target, got a table"
        ),
    ),
    (
        """\
default = "a"
[models]
a = ["fake:m", "fake:n"]
""",
        "jackfield.toml, line 3: models.a: a list of targets needs a fallback middleware, and there is none",
    ),
    (
        """\
default = "a"
[models]
a = "b"
b = "a"
""",
        "jackfield.toml, line 3: models.a: a -> b -> a is a circle",
    ),
    (
        """\
default = "a"
[models]
a = "fkae:m"
""",
        (
            "jackfield.toml, line 3: models.a: expected 'provider:model' or an alias, and 'fkae' is neither "
            "an alias nor a provider; did you mean 'fake'?"
        ),
    ),
    (
        """\
default = "a"
[models]
a = { target = "fake:m", temperatures = 1 }
""",
        "jackfield.toml, line 3: models.a.temperatures: no such setting of a request; did you mean 'temperature'?",
    ),
    (
        """\
default = "a"
[models.a]
target = "fake:m"

temperature = 9
""",
        "jackfield.toml, line 5: models.a.temperature: expected a number from 0 to 2, got 9",
    ),
    ('providers = ["fake"]', "jackfield.toml, line 1: providers: expected a table, got a list"),
    (
        """\
[providers]
fake = "sk-0123456789abcdef"
""",
        "jackfield.toml, line 2: providers.fake: expected a table, got a text of 19 characters",
    ),
    (
        """\
default = "fake:m"
[providers.fake]
bas_url = "https://api.fake.example/v1"
""",
        "jackfield.toml, line 3: providers.fake.bas_url: no such key; did you mean 'base_url'?",
    ),
    (
        """\
default = "fake:m"
[providers.fake]
retries = "5"
fast = true
""",
        "jackfield.toml, line 3: providers.fake.retries: expected a whole number, got '5'",
    ),
    (
        """\
default = "fake:m"
[providers.fake]
fast = "yes"
""",
        "jackfield.toml, line 3: providers.fake.fast: expected true or false, got 'yes'",
    ),
    (
        """\
default = "fake:m"
providers.fake.retries = true
""",
        "jackfield.toml, line 2: providers.fake.retries: expected a whole number, got True",
    ),
    (
        """\
default = "fake:m"
providers = { other = {}, fake = { retries = 1.5 } }
""",
        "jackfield.toml, line 2: providers.fake.retries: expected a whole number, got 1.5",
    ),
    (
        """\
default = "fake:m"
[providers.fake]
api_key = "sk-1 "
""",
        (
            "jackfield.toml, line 3: providers.fake.api_key: character 5 of 5 is a space, a control "
            "character or not ASCII; was it pasted with a line break or quotes?"
        ),
    ),
    (
        """\
default = "fake:m"
[providers.fake]
base_url = "localhost:8080"
""",
        (
            "jackfield.toml, line 3: providers.fake.base_url: not a URL of http or https; expected "
            "one like 'https://host/v1'"
        ),
    ),
    (
        """\
default = "fake:m"
[providers.fake]
base_url = "https://me:word@api.fake.example"
""",
        (
            "jackfield.toml, line 3: providers.fake.base_url: a URL with a user name or password is "
            "refused; use a credential"
        ),
    ),
    (
        """\
default = "fake:m"
[providers.fake]
api_key = { env = "NOWHERE" }
""",
        "jackfield.toml, line 3: providers.fake.api_key: the environment variable NOWHERE is not set",
    ),
    (
        """\
default = "fake:m"
[providers.fake]
api_key = { env = "sk-0123456789abcdef" }
""",
        "jackfield.toml, line 3: providers.fake.api_key: env: expected the name of an environment variable",
    ),
    (
        """\
default = "fake:m"
[providers.fake]
api_key = { var = "NOWHERE" }
""",
        "jackfield.toml, line 3: providers.fake.api_key: expected text, got a table",
    ),
    (
        """\
default = "mine:m"
[providers.mine]
plugin = "fkae"
""",
        "jackfield.toml, line 3: providers.mine.plugin: no provider plugin 'fkae' is installed; did you mean 'fake'?",
    ),
    (
        """\
default = "mine:m"
[providers.mine]
plugin = 3
""",
        "jackfield.toml, line 3: providers.mine.plugin: expected text, got 3",
    ),
    (
        """\
default = "fakes:m"
[providers.fakes]
""",
        "jackfield.toml, line 2: providers.fakes: no provider plugin 'fakes' is installed; did you mean 'fake'?",
    ),
    (
        'middleware = { use = "marks" }',
        "jackfield.toml, line 1: middleware: expected tables, each under [[middleware]], got one [middleware]",
    ),
    ('middleware = ["marks"]', "jackfield.toml, line 1: middleware[0]: expected a table, got 'marks'"),
    (
        """\
default = "fake:m"
[[middleware]]
size = 1
""",
        "jackfield.toml, line 2: middleware[0].use: missing; expected the name of a plugin",
    ),
    (
        """\
default = "fake:m"
[[middleware]]
use = "marks"
[[middleware]]
use = "mraks"
""",
        "jackfield.toml, line 5: middleware[1].use: no middleware plugin 'mraks' is installed; did you mean 'marks'?",
    ),
    (
        """\
default = "fake:m"
[[middleware]]
use = "marks"

[[middleware]]
use = "marks"
sizes = 2
""",
        "jackfield.toml, line 7: middleware[1].sizes: no such key; did you mean 'size'?",
    ),
    (
        """\
default = "fake:m"
[[middleware]]
use = "marks"
where = ["a", "b",
  3, "c"]
""",
        "jackfield.toml, line 4: middleware[0].where[2]: expected text, got 3",
    ),
    (
        """\
default = "fake:m"
[[middleware]]
use = "marks"
where = "everywhere"
""",
        "jackfield.toml, line 4: middleware[0].where: expected a list, got 'everywhere'",
    ),
    ("timeouts = 5", "jackfield.toml, line 1: timeouts: expected a table, got 5"),
    (
        """\
[timeouts]
connect = 1
totals = 60
""",
        "jackfield.toml, line 3: timeouts.totals: no such key; did you mean 'total'?",
    ),
    (
        """\
[timeouts]
total = "1 minute"
""",
        "jackfield.toml, line 2: timeouts.total: expected a number, got '1 minute'",
    ),
    (
        """\
[timeouts]
first = 0
""",
        "jackfield.toml, line 2: timeouts.first: expected seconds above 0, or inf for no bound, got 0.0",
    ),
    (
        """\
[timeouts]
total = nan
""",
        "jackfield.toml, line 2: timeouts.total: expected seconds above 0, or inf for no bound, got nan",
    ),
    (
        """\
[network]
proxi = "http://127.0.0.1:3128"
""",
        "jackfield.toml, line 2: network.proxi: no such key; did you mean 'proxy'?",
    ),
    (
        """\
[network]
max_connections = 0
""",
        "jackfield.toml, line 2: network.max_connections: expected a number above 0, got 0",
    ),
    (
        """\
[tool.other]
x = 1
[tool.jackfield]
defaults = "fake:m"
""",
        "pyproject.toml, line 4: defaults: no such key; did you mean 'default'?",
    ),
    (
        """\
[tool]
jackfield.timeouts = { connect = "x" }
""",
        "pyproject.toml, line 2: timeouts.connect: expected a number, got 'x'",
    ),
    (
        """\
[tool]
jackfield = 5
""",
        "pyproject.toml, line 2: expected a table, got 5",
    ),
]


@pytest.mark.parametrize(("text", "says"), WRONG, ids=[says[:60] for _, says in WRONG])
def test_a_mistake_is_told_with_its_file_line_key_and_what_would_be_right(client, text, says):
    write("pyproject.toml" if text.startswith("[tool") else "jackfield.toml", text + "\n")
    with pytest.raises(ConfigurationError) as caught:
        client().chat("x")
    assert str(caught.value) == says
    assert "0123" not in str(caught.value)
    assert "word" not in str(caught.value).replace("password", "")


VARIABLES = [
    ("JACKFIELD_TIMEOUT", "5", "no such variable; did you mean 'JACKFIELD_TIMEOUTS__TOTAL'?"),
    ("JACKFIELD_DEFALT", "fake:m", "no such variable; did you mean 'JACKFIELD_DEFAULT'?"),
    ("JACKFIELD_CONFIGS", "x.toml", "no such variable; did you mean 'JACKFIELD_CONFIG'?"),
    ("JACKFIELD_TIMEOUTS____TOTAL", "5", "no such variable; did you mean 'JACKFIELD_TIMEOUTS__TOTAL'?"),
    ("JACKFIELD_TIMEOUTS__TOTALS", "5", "timeouts.totals: no such key; did you mean 'total'?"),
    ("JACKFIELD_TIMEOUTS__TOTAL", "ten", "timeouts.total: expected a number, got 'ten'"),
    ("JACKFIELD_TIMEOUTS__TOTAL", "5\nx = 1", "timeouts.total: expected a number, got '5\\nx = 1'"),
    ("JACKFIELD_ENGINE", "aiohttp", "engine: expected one of auto, httpx, httpx2, got 'aiohttp'"),
    ("JACKFIELD_ENGINE__X", "aiohttp", "it sets nothing, as there is no table 'engine'"),
    ("JACKFIELD_TIMEOUTS", "5", "timeouts: expected a table, got 5"),
    ("JACKFIELD_MIDDLEWARE__CACHE__SIZE", "5", "it sets nothing, as there is no table 'middleware.cache'"),
    ("JACKFIELD_MIDDLEWARE__2__SIZE", "5", "it sets nothing, as there is no table 'middleware.2'"),
    ("JACKFIELD_MIDDLEWARE__MARKS__SIZE", "large", "middleware[0].size: expected a whole number, got 'large'"),
    ("JACKFIELD_MIDDLEWARE__MARKS__WHERE", '["a", 2]', "middleware[0].where[1]: expected text, got 2"),
    ("JACKFIELD_PROVIDERS__FAKE__RETRIES", "yes", "providers.fake.retries: expected a whole number, got 'yes'"),
    ("JACKFIELD_PROVIDERS__FAKE__FAST", "yes", "providers.fake.fast: expected true or false, got 'yes'"),
    ("JACKFIELD_PROVIDERS__FAKE__API_KEY", "sk-0123456789\n", "providers.fake.api_key: character 14 of 14 is a space"),
    ("JACKFIELD_PROVIDERS__FAKE__BAS_URL", "sk-0123456789", "providers.fake.bas_url: no such key; did you mean"),
    ("JACKFIELD_MODELS__QUICK__TEMPERATURE", "9", "models.quick.temperature: expected a number from 0 to 2, got 9"),
]


@pytest.mark.parametrize(("name", "value", "says"), VARIABLES, ids=[f"{name}={value}" for name, value, _ in VARIABLES])
def test_a_mistake_in_a_variable_names_the_variable(client, monkeypatch, name, value, says):
    write(
        "jackfield.toml", 'engine = "auto"\ndefault = "quick"\nmodels.quick = "fake:m"\n[[middleware]]\nuse = "marks"'
    )
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        client().chat("x")
    assert str(caught.value).startswith(f"{name} in the environment: {says}")
    assert caught.value.variable == name
    assert "0123" not in str(caught.value)
