"""`jackfield config ...`, as its user sees it."""

import json
import stat
import tomllib

import pytest

KEY = "sk-test-0123456789"
AWAY = """
default = "away"

[providers.away]
plugin = "keyed"
base_url = "https://elsewhere.example/v1"
api_key = { env = "SOME_KEY" }
"""


@pytest.fixture
def keyed(place, keyed_plugin):
    place.install("jf_keyed", keyed_plugin, "[jackfield.providers]\nkeyed = jf_keyed\n")
    return place


LAYERS = """
from jackfield.hooks import hookimpl
from jackfield.middleware import Slot

class Watch:
    slot = Slot.OBSERVE
    async def __call__(self, call, proceed):
        async for event in proceed(call):
            yield event

class Again(Watch):
    slot = Slot.RETRY

@hookimpl
def jackfield_middleware(name, settings):
    return [Again(), Watch()]
"""


# --- explain ----------------------------------------------------------------------------------------------------------


def test_explain_shows_values_with_origins_and_masks_secrets(keyed):
    keyed.write(f'default = "keyed"\n\n[providers.keyed]\napi_key = "{KEY}"\n\n[timeouts]\ntotal = 5\n')
    done = keyed.run("config", "explain", JACKFIELD_TIMEOUTS__CONNECT="3")
    assert (done.code, done.err) == (0, "")
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert ["default", '"keyed"', "jackfield.toml, line 1"] in rows
    assert ["providers.keyed.api_key", "***", "jackfield.toml, line 4"] in rows
    assert [row[2] for row in rows if row[0] == "timeouts.total"] == ["jackfield.toml, line 7"]
    assert [row[2] for row in rows if row[0] == "timeouts.connect"] == [
        "JACKFIELD_TIMEOUTS__CONNECT in the environment"
    ]
    assert [row[2] for row in rows if row[0] == "timeouts.silence"] == ["default"]
    assert KEY not in done.out


def test_explain_shows_the_chain_from_the_outside_in(place):
    place.stage("yield STOP")
    place.install("jf_layers", LAYERS, "[jackfield.middleware]\nlayers = jf_layers\n")
    place.write('default = "stage"\n\n[[middleware]]\nuse = "layers"\n')
    rows = [line.split("\t") for line in place.run("config", "explain").out.splitlines()]
    assert [row for row in rows if row[0].startswith("chain")] == [
        ["chain[0]", "OBSERVE layers Watch", "jackfield.toml, line 3"],
        ["chain[1]", "RETRY layers Again", "jackfield.toml, line 3"],
    ]
    document = json.loads(place.run("config", "explain", "--json").out)
    assert document["source"] == "jackfield.toml"
    assert {"key": "default", "value": '"stage"', "origin": "jackfield.toml, line 1"} in document["values"]
    assert document["chain"][0] == {
        "slot": "OBSERVE",
        "name": "layers",
        "layer": "Watch",
        "origin": "jackfield.toml, line 3",
    }


def test_explain_at_a_terminal(place, terminal):
    pytest.importorskip("termios")
    place.stage("yield STOP")
    place.install("jf_layers", LAYERS, "[jackfield.middleware]\nlayers = jf_layers\n")
    place.write('default = "stage:\\u001b[2J"\n[[middleware]]\nuse = "layers"\n')
    shown, code = terminal("config", "explain", variables={"TERM": "dumb"}).finish()
    assert code == 0
    assert "\x1b" not in shown
    assert "middleware, from the outside in" in shown
    assert shown.index("OBSERVE") < shown.index("RETRY")


def test_explain_of_a_wrong_configuration_is_one_line(place):
    place.write("engine = 5")
    done = place.run("config", "explain")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jackfield: jackfield.toml, line 1: engine: ")
    assert done.err.count("\n") == 1


# --- check ------------------------------------------------------------------------------------------------------------


def test_check_tells_every_problem(place):
    place.stage("yield STOP")
    place.write(
        """\
        default = "nowhere"
        [models]
        fast = 5
        [providers.absent]
        [timeouts]
        totl = 5
        """
    )
    done = place.run("config", "check")
    assert (done.code, done.out) == (2, "")
    lines = done.err.splitlines()
    assert all(line.startswith("jackfield: jackfield.toml, line ") for line in lines)
    assert [word in done.err for word in ("'nowhere'", "models.fast", "'absent'", "'total'")] == [True] * 4
    done = place.run("config", "check", "--json")
    assert (done.code, done.err) == (2, "")
    document = json.loads(done.out)
    assert document["source"] == "jackfield.toml"
    assert [f"jackfield: {problem}" for problem in document["problems"]] == lines


def test_check_of_a_good_configuration(place):
    place.stage("yield STOP")
    assert place.run("config", "check").out == "jackfield.toml: no problem\n"
    other = place.write('default = "stage"', "other.toml")
    assert place.run("config", "check", "--config", str(other)).out == f"{other}: no problem\n"
    (place.folder / "jackfield.toml").unlink()
    assert place.run("config", "check").out == "no file: no problem\n"
    assert json.loads(place.run("config", "check", "--json").out) == {"source": "no file", "problems": []}


@pytest.mark.parametrize("text", ["broken", b"\xff"])
def test_check_of_a_file_that_is_none(place, text):
    (place.folder / "jackfield.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    done = place.run("config", "check")
    assert (done.code, done.out) == (2, "")
    assert "not valid TOML" in done.err
    assert done.err.count("\n") == 1
    document = json.loads(place.run("config", "check", "--json").out)
    assert document == {"source": None, "problems": [done.err.removeprefix("jackfield: ").rstrip()]}


# --- init -------------------------------------------------------------------------------------------------------------


def test_init_writes_a_file_that_passes_the_check(place):
    done = place.run("config", "init")
    assert (done.code, done.err) == (0, "")
    text = (place.folder / "jackfield.toml").read_text()
    assert "#" in text
    tomllib.loads(text)
    assert place.run("config", "check").code == 0
    assert place.run("config", "init", "-").out == text


def test_init_replaces_nothing_unless_forced(place):
    place.write("mine", "jackfield.toml")
    done = place.run("config", "init")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jackfield: jackfield.toml is there already: --force replaces it")
    assert (place.folder / "jackfield.toml").read_text() == "mine"
    assert place.run("config", "init", "--force").code == 0
    assert (place.folder / "jackfield.toml").read_text() != "mine"
    assert place.run("config", "init", "other.toml").code == 0
    assert (place.folder / "other.toml").exists()


TOOL = '[tool.jackfield]\ndefault = "stage"\n'


def test_init_hides_no_table_that_is_read_now_unless_forced(place):
    place.stage("yield STOP")
    (place.folder / "jackfield.toml").unlink()
    place.write(TOOL, "pyproject.toml")
    done = place.run("config", "init")
    assert (done.code, done.out) == (2, "")
    assert "pyproject.toml has a [tool.jackfield], which jackfield.toml would hide: --force writes it" in done.err
    assert not (place.folder / "jackfield.toml").exists()
    assert place.run("config", "init", "other.toml").code == 0
    assert place.run("config", "init", "-").code == 0
    assert place.run("config", "init", "--force").code == 0
    assert (place.folder / "jackfield.toml").exists()


def test_init_of_a_folder(place):
    (place.folder / "sub").mkdir()
    for force in ([], ["--force"]):
        done = place.run("config", "init", *force, "sub")
        assert (done.code, done.out) == (2, "")
        assert "sub is a folder: name a file in it" in done.err


@pytest.mark.parametrize("text", ["[project]\nname = 'x'\n", "broken", "[tool.jackfield]\n"])
def test_init_beside_another_pyproject(place, text):
    place.write(text, "pyproject.toml")
    assert place.run("config", "init").code == 0


def test_init_looks_beside_the_file_that_it_writes(place):
    (place.folder / "sub").mkdir()
    place.write(TOOL, "sub/pyproject.toml")
    assert place.run("config", "init", "sub/jackfield.toml").code == 2
    assert place.run("config", "init").code == 0


def test_init_says_how_the_file_is_read(place):
    assert place.run("config", "init").out.endswith("then: jackfield config check\n")
    assert place.run("config", "init", "my own.toml").out.endswith(
        "then: jackfield config check --config 'my own.toml'\n"
    )
    done = place.run("config", "init", "--force", JACKFIELD_CONFIG="x.toml")
    assert (done.code, done.err) == (
        0,
        "jackfield: JACKFIELD_CONFIG names x.toml, which is read in place of jackfield.toml\n",
    )


def test_init_where_nothing_can_be_written(place):
    done = place.run("config", "init", "no/where.toml")
    assert (done.code, done.out) == (1, "")
    assert done.err == "jackfield: no/where.toml: No such file or directory\n"


# --- schema -----------------------------------------------------------------------------------------------------------


def test_schema_knows_the_plugins(keyed):
    pytest.importorskip("jackfield_schema")
    done = keyed.run("config", "schema")
    assert (done.code, done.err) == (0, "")
    schema = json.loads(done.out)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "keyed" in done.out
    assert done.out.startswith("{\n  ")


# --- trust ------------------------------------------------------------------------------------------------------------


def test_trust_shows_what_it_allows_and_lets_it_be_used(keyed):
    keyed.write(AWAY)
    refused = keyed.run("chat", "Hello", SOME_KEY=KEY)
    assert refused.code == 2
    assert "jackfield config trust" in refused.err
    done = keyed.run("config", "trust", "--yes", SOME_KEY=KEY)
    assert (done.code, done.err) == (0, "")
    assert "SOME_KEY" in done.out
    assert "jackfield.toml is trusted as it is now (SHA-256 " in done.out
    assert KEY not in done.out
    assert keyed.run("config", "check", SOME_KEY=KEY).code == 0
    keyed.write(AWAY.replace("elsewhere", "nowhere"))
    assert "it changed since it was trusted" in keyed.run("config", "check", SOME_KEY=KEY).err


def test_the_record_of_trust_is_for_its_owner_alone(keyed):
    keyed.write(AWAY)
    keyed.run("config", "trust", "--yes", SOME_KEY=KEY)
    (record,) = (keyed.folder / ".local" / "state" / "jackfield" / "trusted").iterdir()
    assert stat.S_IMODE(record.stat().st_mode) == 0o600


def test_trust_is_taken_back(keyed):
    file = keyed.write(AWAY)
    assert keyed.run("config", "trust", "--undo", str(file)).out == f"{file} was not trusted\n"
    assert keyed.run("config", "trust", "--yes", str(file), SOME_KEY=KEY).code == 0
    assert json.loads(keyed.run("config", "trust", "--undo", "--json").out)["was_trusted"] is True
    assert keyed.run("config", "check", SOME_KEY=KEY).code == 2


def test_trust_as_json(keyed):
    keyed.write(AWAY)
    document = json.loads(keyed.run("config", "trust", "--yes", "--json", SOME_KEY=KEY).out)
    assert list(document) == ["file", "sha256", "demands"]
    assert len(document["sha256"]) == 64
    assert any("SOME_KEY" in one for one in document["demands"])


def test_trust_of_a_file_that_asks_for_nothing(place):
    place.stage("yield STOP")
    assert "asks for nothing that needs trust\n" in place.run("config", "trust", "--yes").out


def test_trust_needs_somebody_who_says_so(keyed):
    keyed.write(AWAY)
    done = keyed.run("config", "trust", SOME_KEY=KEY)
    assert done.code == 2
    assert "nobody can be asked here: --yes says that you trust it" in done.err
    assert keyed.run("config", "check", SOME_KEY=KEY).code == 2


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"n\n", 1), (b"\n", 1), (b"\x03", 130), (b"\x04", 1)])
def test_trust_asks_at_a_terminal(keyed, terminal, answer, code):
    pytest.importorskip("termios")
    keyed.write(AWAY)
    person = terminal("config", "trust", variables={"SOME_KEY": KEY})
    person.read(until=b"Trust ")
    person.read(until=b"]: ")
    person.press(answer)
    assert person.finish()[1] == code
    assert (keyed.run("config", "check", SOME_KEY=KEY).code == 0) is (code == 0)


def test_only_what_was_shown_is_trusted(keyed, terminal):
    pytest.importorskip("termios")
    file = keyed.write(AWAY)
    person = terminal("config", "trust", variables={"SOME_KEY": KEY})
    person.read(until=b"]: ")
    file.write_text(AWAY.replace("elsewhere", "nowhere"))
    person.press(b"y\n")
    shown, code = person.finish()
    assert code == 1
    assert "changed while it was looked at: not trusted" in shown
    assert keyed.run("config", "check", SOME_KEY=KEY).code == 2


@pytest.mark.parametrize(
    ("arguments", "reason"), [(["--yes"], "there is no configuration here"), (["--yes", "absent"], "absent")]
)
def test_trust_needs_a_file(place, arguments, reason):
    done = place.run("config", "trust", *arguments)
    assert (done.code, done.out) == (2, "")
    assert reason in done.err
    assert done.err.count("\n") == 1


# --- the group --------------------------------------------------------------------------------------------------------


def test_no_command_and_an_unknown_one_are_wrong_use(place):
    done = place.run("config")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jackfield: no command: expected explain, check, init, schema or trust")
    done = place.run("config", "explan")
    assert (done.code, done.out) == (2, "")
    assert "explan" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("name", ["explain", "check", "init", "schema", "trust"])
def test_each_has_help(place, name):
    done = place.run("config", name, "--help")
    assert (done.code, done.err) == (0, "")
    assert "Exit status" in done.out
