"""`complete`, `embed` and `models`, with a provider that plays what a test wants."""

import json
import math

import pytest

PROVIDER = """
import os, pathlib
from array import array
from jackfield.errors import *
from jackfield.hooks import hookimpl
from jackfield.operations import COMPLETE, EMBED, MODELS
from jackfield.provider import Provider, serves
from jackfield.types import *

class Many(Provider):
    @serves(COMPLETE)
    async def complete(self, call):
        request = call.request
        (prompt,) = request.prompt
        yield Start(id="many-1", model=call.target.model)
        names = "suffix", "stop", "echo", "temperature", "max_output_tokens"
        asked = {name: getattr(request, name) for name in names}
        text = f"{prompt} {({name: value for name, value in asked.items() if value is not None})}"
        if "broken" in prompt:
            yield TextDelta("so far")
            raise ServerError("broken", status=500)
        if "slow" in prompt:
            yield TextDelta("so far")
            pathlib.Path("waiting").touch()
            await call.runtime.sleep(30)
        if request.temperature == 2:
            call.report("temperature", "too hot \\x1b[2J")
        if call.streaming:
            yield TextDelta(text[:5])
            text = text[5:]
        yield TextDelta(text)
        reason = "length" if request.max_output_tokens == 1 else "stop"
        yield Finished(Finish(reason, reason))
        yield UsageReported(Usage(input_tokens=1, output_tokens=2))

    @serves(EMBED)
    async def embed(self, call):
        with open("asked", "a") as file:
            file.write(f"{call.target.model} {len(call.request.input)} {call.request.dimensions}\\n")
        if call.request.dimensions == 9:
            call.report("dimensions", "nine is odd")
        yield Start(model=call.target.model)
        for index, text in enumerate(call.request.input):
            yield Embedded(index, array("f" if "float" in text else "d", VECTORS.get(text, [len(text), 0.1])))

    @serves(MODELS)
    async def models(self, call):
        yield Start()
        for model in LISTED:
            yield ModelListed(model)

VECTORS = {"east": [1, 0], "north": [0, 2], "northeast": [1, 1], "west": [-3, 0], "nowhere": [0, 0]}
LISTED = [
    ModelInfo("many-large", name="Many Large", owner="acme", created=1635230400.5, context_length=8192),
    ModelInfo("many-small"),
    ModelInfo("odd\\x1b[2J\\tone", owner="a\\nb", created=1e300),
]

@hookimpl
def jackfield_provider(name, settings):
    if name == "empty":
        LISTED.clear()
    return Many(name, {"complete": "base", "embed": "vectors"})
"""


@pytest.fixture
def many(place):
    place.install("jf_many", PROVIDER, "[jackfield.providers]\nmany = jf_many\n")
    place.write('default = "many"\n')
    return place


# --- complete ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [[], ["--no-stream"]])
def test_a_text_is_continued(many, more):
    done = many.run("complete", "Once", "upon", *more)
    assert (done.code, done.out, done.err) == (0, "Once upon {}\n", "")


def test_options_reach_the_request(many):
    done = many.run(
        "complete",
        *(
            "-m",
            "many:other",
            "--suffix",
            "end",
            "--stop",
            "a",
            "--stop",
            "b",
            "--echo",
            "-t",
            "0",
            "--max-tokens",
            "9",
        ),
        given="piped\n",
    )
    asked = {"suffix": "end", "stop": ("a", "b"), "echo": True, "temperature": 0.0, "max_output_tokens": 9}
    assert (done.code, done.out, done.err) == (0, f"piped {asked}\n", "")


def test_a_completion_as_json(many):
    done = many.run("complete", "--json", "-m", "many:other", "Once")
    assert (done.code, done.err) == (0, "")
    document = json.loads(done.out)
    assert list(document) == ["id", "provider", "model", "text", "finish", "usage", "warnings"]
    assert (document["id"], document["provider"], document["model"], document["text"]) == (
        *("many-1", "many", "other"),
        "Once {}",
    )
    assert document["usage"]["output_tokens"] == 2
    assert document["warnings"] == []


def test_a_completion_that_breaks_off_keeps_what_came(many):
    done = many.run("complete", "broken")
    assert (done.code, done.out) == (1, "so far\n")
    assert done.err == "jackfield: many:base: 500: broken\n"


def test_a_limit_is_told(many):
    done = many.run("complete", "--max-tokens", "1", "Once")
    assert (done.code, done.err) == (0, "jackfield: the reply was cut off at the limit of tokens\n")


def test_no_prompt_is_wrong_use(many):
    done = many.run("complete")
    assert (done.code, done.out) == (2, "")
    assert done.err == "jackfield: no prompt: standard input is empty (see `jackfield complete --help`)\n"
    done = many.run("complete", "-t", "nan", "x")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jackfield: temperature: expected a number from 0 to 2, got nan")


def test_what_is_left_out_is_told_and_not_warned_about(many):
    refused = many.run("complete", "-t", "2", "x")
    assert refused.code == 1
    assert refused.err.startswith("jackfield: many:base: temperature: too hot \\x1b[2J")
    many.write('default = "hot"\n[models]\nhot = { target = "many", unsupported = "warn" }\n')
    done = many.run("complete", "-t", "2", "x")
    assert (done.code, done.out) == (0, "x {'temperature': 2.0}\n")
    assert done.err.startswith("jackfield: temperature: ")
    assert done.err.count("\n") == 1
    assert json.loads(many.run("complete", "-t", "2", "--json", "x").out)["warnings"][0]["field"] == "temperature"


def test_ctrl_c_stops_a_completion(many, terminal, appears):
    pytest.importorskip("termios")
    person = terminal("complete", "slow")
    appears(many.folder / "waiting")
    person.press(b"\x03")
    assert person.finish() == ("so far^C\n", 130)


# --- embed ------------------------------------------------------------------------------------------------------------


def lines(done):
    assert (done.code, done.err) == (0, "")
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["east", "no rth"], ""),
        ([], "east\n\n  \r\nno rth\r\n"),
        (["-"], "\ufeffeast\nno rth"),
        (["--file", "texts"], "ignored"),
    ],
)
def test_each_text_becomes_a_line(many, arguments, given):
    many.write("\ufeffeast\n\nno rth\n", "texts")
    assert lines(many.run("embed", *arguments, given=given)) == [
        {"index": 0, "text": "east", "vector": [1, 0]},
        {"index": 1, "text": "no rth", "vector": [6, 0.1]},
    ]


def test_only_line_ends_part_lines(many):
    assert [line["text"] for line in lines(many.run("embed", given="a\u2028b\x0bc\nd"))] == ["a\u2028b\x0bc", "d"]


def test_single_precision_shows_no_noise(many):
    assert lines(many.run("embed", "a float"))[0]["vector"] == [7, 0.100000001]


def test_vectors_as_one_document(many):
    assert json.loads(many.run("embed", "--json", "east", "west").out) == [
        {"index": 0, "text": "east", "vector": [1, 0]},
        {"index": 1, "text": "west", "vector": [-3, 0]},
    ]


def test_many_texts_are_asked_for_in_batches(many):
    found = lines(many.run("embed", "-m", "many:v", "--dimensions", "2", given="\n".join(f"t{i}" for i in range(600))))
    assert [line["index"] for line in found] == list(range(600))
    assert [line["text"] for line in found] == [f"t{i}" for i in range(600)]
    assert (many.folder / "asked").read_text() == "many:v 256 2\nmany:v 256 2\nmany:v 88 2\n".replace("many:", "")


BAR = "\u2501"  # what a bar is drawn with


def typed(count):
    return "\n".join(f"t{index}" for index in range(count))


@pytest.mark.parametrize("arguments", [[], ["--similar-to", "east"]], ids=["lines", "likeness"])
def test_many_texts_at_a_terminal_show_how_far_it_is(many, terminal, arguments):
    (many.folder / "texts").write_text(typed(600))
    with (many.folder / "out").open("wb") as out:
        shown, code = terminal("embed", "--file", "texts", *arguments, stdout=out).finish()
    assert code == 0
    total = 600 + len(arguments[1:])
    assert [f"{done}/{total}" in shown for done in (0, 256, 512, total)] == [True] * 4
    assert BAR in shown
    # the bar is gone at the end: its line was erased, and nothing stands behind that
    assert shown.rstrip("\n").endswith("\x1b[2K")
    assert len((many.folder / "out").read_text().splitlines()) == 600


def test_the_bar_gives_way_to_what_there_is_to_say(many, terminal):
    many.write('default = "any"\n[models]\nany = { target = "many", unsupported = "drop" }\n')
    (many.folder / "texts").write_text(typed(600))
    with (many.folder / "out").open("wb") as out:
        shown, code = terminal("embed", "--file", "texts", "--dimensions", "9", stdout=out).finish()
    assert (code, shown.count("jackfield: dimensions: nine is odd\n")) == (0, 1)


@pytest.mark.parametrize(
    ("count", "arguments"), [(256, []), (600, ["--json"]), (600, None)], ids=["few", "json", "lines on the terminal"]
)
def test_no_bar_where_it_says_nothing_or_would_be_in_the_way(many, terminal, count, arguments):
    (many.folder / "texts").write_text(typed(count))
    with (many.folder / "out").open("wb") as out:
        redirected = {} if arguments is None else {"stdout": out}
        shown, code = terminal("embed", "--file", "texts", *(arguments or []), **redirected).finish()
    assert code == 0
    assert BAR not in shown
    assert arguments is None or not shown


def test_likeness_on_the_terminal_stands_where_the_bar_was(many, terminal):
    (many.folder / "texts").write_text(typed(300))
    shown, code = terminal("embed", "--file", "texts", "--similar-to", "t7").finish()
    assert code == 0
    bar, _, table = shown.rpartition("\x1b[2K")
    assert (BAR in bar, BAR in table) == (True, False)
    assert table.count("\n") >= 301


def test_what_is_left_out_of_every_batch_is_told_once(many):
    many.write('default = "any"\n[models]\nany = { target = "many", unsupported = "drop" }\n')
    done = many.run("embed", "--dimensions", "9", given="t\n" * 300)
    assert (done.code, done.out.count("\n")) == (0, 300)
    assert done.err == "jackfield: dimensions: nine is odd\n"


def test_texts_are_put_in_order_of_likeness(many):
    done = many.run("embed", "--similar-to", "east", "north", "west", "northeast", "nowhere", "east")
    assert (done.code, done.err) == (0, "")
    assert done.out == "1.0000\teast\n0.7071\tnortheast\n0.0000\tnorth\n0.0000\tnowhere\n-1.0000\twest\n"
    found = json.loads(many.run("embed", "--json", "--similar-to", "east", "north", "northeast").out)
    assert [(row["index"], row["text"]) for row in found] == [(1, "northeast"), (0, "north")]
    assert math.isclose(found[0]["similarity"], math.sqrt(0.5))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "no text: there is no line with anything in it"),
        (["", "a"], "an argument is empty: expected a text"),
        (["a", "--file", "texts"], "texts as arguments and --file: expected one of them"),
        (["a", "--similar-to", " "], "--similar-to: expected a text"),
        (["--file", "binary"], "binary is not text in UTF-8"),
        (["a", "--dimensions", "0"], "0 is not in the range"),
    ],
)
def test_wrong_use_of_embed_is_one_line(many, arguments, reason):
    (many.folder / "binary").write_bytes(b"\xff\xfe\x80")
    done = many.run("embed", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jackfield: ")
    assert reason in done.err
    assert done.err.count("\n") == 1


def test_a_file_that_is_not_there_is_one_line(many):
    done = many.run("embed", "--file", "absent")
    assert (done.code, done.out) == (1, "")
    assert done.err == "jackfield: absent: No such file or directory\n"


def test_no_text_at_a_terminal_is_wrong_use(many, terminal):
    pytest.importorskip("termios")
    shown, code = terminal("embed").finish()
    assert code == 2
    assert "no text: write some behind `embed`" in shown


# --- models -----------------------------------------------------------------------------------------------------------


def test_models_are_listed(many):
    done = many.run("models")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "many-large\tacme\t2021-10-26\t8192\tMany Large\nmany-small\t\t\t\t\nodd\\x1b[2J\\tone\ta\\nb\t\t\t\n"
    )


def test_models_as_json(many):
    document = json.loads(many.run("models", "many", "--json").out)
    assert document["provider"] == "many"
    assert document["models"][0] == {
        "id": "many-large",
        "name": "Many Large",
        "owner": "acme",
        "created": 1635230400.5,
        "context_length": 8192,
        "max_output_tokens": None,
    }
    assert len(document["models"]) == 3


@pytest.mark.parametrize(("text", "found"), [("SMALL", ["many-small"]), ("many l", ["many-large"])])
def test_models_are_chosen_by_a_piece_of_their_name(many, text, found):
    done = many.run("models", "--match", text)
    assert (done.code, done.err) == (0, "")
    assert [line.split("\t")[0] for line in done.out.splitlines()] == found


def test_no_model_is_said_and_is_a_failure(many):
    done = many.run("models", "--match", "absent")
    assert (done.code, done.out, done.err) == (1, "", "jackfield: no model of many matches\n")
    assert json.loads(many.run("models", "--json", "--match", "absent").out) == {"provider": "many", "models": []}
    many.write('[providers.empty]\nplugin = "many"\n')
    assert many.run("models", "empty").err == "jackfield: empty lists no models\n"


def test_an_unknown_provider_suggests_the_nearest(many):
    done = many.run("models", "manny")
    assert (done.code, done.out) == (2, "")
    assert "did you mean 'many'?" in done.err


def test_models_at_a_terminal_cannot_drive_it(many, terminal):
    pytest.importorskip("termios")
    shown, code = terminal("models", variables={"TERM": "xterm"}).finish()
    assert code == 0
    assert "odd\\x1b[2J" in shown
    assert "\x1b[2J" not in shown
    assert "context" in shown


# --- doctor asks for models, too --------------------------------------------------------------------------------------


def test_doctor_asks_each_configured_provider(many):
    many.install(
        "jf_down",
        "from jackfield.hooks import hookimpl\nfrom jackfield.errors import *\n"
        "from jackfield.operations import MODELS\nfrom jackfield.provider import Provider, serves\n"
        "class Down(Provider):\n"
        "    @serves(MODELS)\n"
        "    async def models(self, call):\n"
        "        raise AuthenticationError('no such key', status=401)\n"
        "        yield\n"
        "@hookimpl\ndef jackfield_provider(name, settings): return Down(name)\n",
        "[jackfield.providers]\ndown = jf_down\n",
    )
    many.stage("yield STOP")
    many.write("default = 'many'\n[providers.many]\n[providers.down]\n[providers.stage]\n")
    findings = [line.split("\t") for line in many.run("doctor").out.splitlines()]
    assert not [one for one in findings if one[1] == "network"]
    done = many.run("doctor", "--online")
    assert done.code == 1
    findings = [line.split("\t") for line in done.out.splitlines()]
    assert [one for one in findings if one[1] == "network"] == [
        ["ok", "network", "many: it answers, with 3 models", ""],
        [*("problem", "network", "down: 401: no such key"), "look at its base_url, its key and the network"],
        ["note", "network", "stage: it has no list of models, so it was not asked", ""],
    ]
