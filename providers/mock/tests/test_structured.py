"""Answers and arguments that fit a JSON Schema, held against another implementation of it."""

import json
import re

import pytest
from exhaustive import examples
from faces import COLOURS, run
from hypothesis import given, settings, strategies as st

import jackfield as jf
from jackfield.errors import BadRequestError, ConfigurationError
from jackfield_mock import MockProvider, Reply

jsonschema = pytest.importorskip("jsonschema")

CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER
CLIENT = jf.Client({"default": "mock"})  # one for all examples: it holds no connection


def made(schema):
    """What the mock answers to a request for this schema."""
    return json.loads(CLIENT.chat("x", response_format=jf.JsonSchema(schema)).text)


def fits(value, schema):
    jsonschema.Draft202012Validator(schema, format_checker=CHECKER).validate(value)
    return True


NODE = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "value": {"type": "number"},
                "left": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
                "optional": {"$ref": "#/$defs/Node"},
            },
            "required": ["value", "left", "children"],
            "additionalProperties": False,
        }
    },
}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, "mock"),
        ({}, "mock"),
        ({"description": "anything"}, "mock"),
        ({"type": "string"}, "mock"),
        ({"type": ["null", "string"]}, None),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMaximum": -3, "multipleOf": 5}, -5),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "multipleOf": 0.25}, 0.25),
        ({"enum": ["c", "f"]}, "c"),
        ({"enum": [1, "f"], "type": "string"}, "f"),
        ({"const": {"a": [None]}}, {"a": [None]}),
        ({"type": "string", "minLength": 6}, "mockkk"),
        ({"type": "string", "maxLength": 2}, "mo"),
        ({"type": "string", "format": "date"}, "2026-01-02"),
        ({"type": "string", "format": "colour"}, "mock"),
        ({"type": "string", "format": "email", "minLength": 20}, "mockmock@example.com"),
        ({"type": "string", "pattern": r"^[A-Z]{2}-\d+$", "minLength": 6}, "AA-000"),
        ({"type": "array", "items": {"type": "integer"}}, [0]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True}, [0, 1, 2]),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "uniqueItems": True}, ["a", "b"]),
        ({"type": "array", "maxItems": 0}, []),
        ({"type": "array", "prefixItems": [{"type": "null"}, {"type": "boolean"}], "items": False}, [None, True]),
        ({"properties": {"a": {"type": "null"}}}, {"a": None}),
        ({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["b"], "maxProperties": 1}, {"b": "mock"}),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {}),
        ({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2}, {"mock": 0, "mock1": 0}),
        ({"type": "object", "required": ["x"], "additionalProperties": {"const": 1}}, {"x": 1}),
        ({"allOf": [{"type": "integer"}, {"minimum": 3}, {"minimum": 5}, {"maximum": 5}]}, 5),
        ({"anyOf": [{"type": "integer", "minimum": 5, "maximum": 3}, {"type": "null"}]}, None),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, 0.5),
        ({"type": "number", "anyOf": [{"type": "integer", "minimum": 7}]}, 7),
        ({"type": "integer", "not": {"const": 0}}, 1),
        ({"type": "object", "propertyNames": {"pattern": "^x"}, "minProperties": 0}, {}),
        ({"type": "object", "properties": {"ab": {}}, "patternProperties": {"^a": {"type": "string"}}}, {"ab": "mock"}),
        ({"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"type": "null"}}}, None),
        ({"$ref": "#/x/0/y", "x": [{"y": {"const": 4}}]}, 4),
        (NODE, {"value": 0, "left": None, "children": []}),
        (
            {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"a": {"minimum": 2}, "b": {}}}]},
            {"a": 2, "b": "mock"},
        ),
    ],
)
def test_what_is_made_of_a_schema(schema, expected):
    if isinstance(schema, bool):
        schema = {"properties": {"any": schema}, "type": "object"}
        expected = {"any": expected}
    assert made(schema) == expected
    assert fits(expected, schema)


@pytest.mark.parametrize("form", sorted(CHECKER.checkers))
def test_formats(form):
    known = form in {"color", "idn-hostname"} or fits(made({"type": "string", "format": form}), {"format": form})
    assert known


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "abc",
        "^a|b$",
        "^(?:red|green) (?P<size>big|small)$",
        r"^\w+@\w+\.[a-z]{2,}$",
        r"^\S+\s\D\W$",
        r"^\t\n\x41\u00e9\0$",
        r"^\$\^\.\*\[\]\(\)\|\\$",
        r"^[\]\-a]+$",
        "^[]x]$",
        "^[^]]$",
        r"^[^\w]$",
        r"^[\d]{3}$",
        "^[é-ü]$",
        "^a?b*c+d{0}e{1,}f{2,3}$",
        "^a+?b*?c{2}?$",
        r"\bword\b",
        r"\Aa.c\Z",
        "^{}$",
        "^a{,b$",
        "^(a(b(c)?)+)*d$",
    ],
)
def test_patterns_that_are_simple(pattern):
    value = made({"type": "string", "pattern": pattern})
    assert re.search(pattern, value)


@pytest.mark.parametrize(
    "pattern", ["(?=a)", "(?<=a)b", "(?P=a)", r"(a)\1", r"\p{L}", "[", "a{200000}", "a**", r"\u12", "b^a"]
)
def test_patterns_that_are_not(pattern):
    with pytest.raises(ConfigurationError, match="finds nothing that fits its pattern|no regular expression"):
        made({"type": "string", "pattern": pattern})


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([{"enum": [1, 2, 3]}, {"enum": [3, 2]}], 2),
        ([{"type": ["integer", "null"]}, {"type": ["string", "integer"]}], 0),
        ([{"type": "number"}, {"type": "integer"}], 0),
        ([{"type": "string", "maxLength": 3}, {"maxLength": 5, "minLength": 2}], "moc"),
        ([{"required": ["a"]}, {"required": ["b", "a"]}], {"a": "mock", "b": "mock"}),
        ([{"items": {"type": "integer"}, "minItems": 1}, {"items": {"minimum": 4}}], [4]),
        ([{"anyOf": [{"type": "null"}, {"const": 5}]}, {"anyOf": [{"const": 5}, {"const": 6}]}], 5),
        ([{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}], 7),
        ([{"allOf": [{"type": "integer"}]}, {"allOf": [{"minimum": 9}]}], 9),
        ([{"not": {"const": 0}, "type": "integer"}, {"not": {"const": 1}}], -1),
        ([True, {"type": "null"}], None),
        (
            [
                {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "integer"}},
                {"additionalProperties": {"minimum": 2}, "minProperties": 2},
            ],
            {"a": "mock", "mock": 2},
        ),
        (
            [
                {"properties": {"a": {}}, "required": ["a"], "additionalProperties": False},
                {"additionalProperties": True},
            ],
            {"a": "mock"},
        ),
    ],
)
def test_schemas_that_are_joined(parts, expected):
    schema = {"allOf": parts, "$defs": {"a": {"type": "integer", "minimum": 7}, "b": {"maximum": 7}}}
    assert made(schema) == expected
    assert fits(expected, schema)


# --- what can be made is made -------------------------------------------------------------------------------

PATTERNS = [r"^[a-z]{2,5}$", r"\d{3}", "^(ab|cd)+x?$", r"^\w+\.(com|org)$", "^[^0-9]$", r"^\+?[1-9]\d{1,14}$", "^$"]
FORMATS = ["date", "date-time", "email", "ipv4", "ipv6", "uuid", "time", "uri"]
small = st.integers(-20, 20)


def pairs(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)


def bounded(kind):
    return pairs(-20, 20).map(lambda pair: {"type": kind, "minimum": pair[0], "maximum": pair[1]})


LEAVES = st.one_of(
    st.sampled_from([{"type": kind} for kind in ("null", "boolean", "integer", "number", "string")]),
    bounded("integer"),
    bounded("number"),
    pairs(-20, 20).map(lambda pair: {"type": "number", "exclusiveMinimum": pair[0], "exclusiveMaximum": pair[1] + 0.5}),
    st.builds(
        lambda low, step: {"type": "integer", "exclusiveMinimum": low, "multipleOf": step}, small, st.integers(1, 9)
    ),
    pairs(0, 12).map(lambda pair: {"type": "string", "minLength": pair[0], "maxLength": pair[1]}),
    st.sampled_from(PATTERNS).map(lambda pattern: {"type": "string", "pattern": pattern}),
    st.sampled_from(FORMATS).map(lambda form: {"type": "string", "format": form}),
    st.lists(st.one_of(st.none(), st.booleans(), small, st.text(max_size=3)), min_size=1, max_size=3).map(
        lambda values: {"enum": values}
    ),
    st.recursive(st.one_of(st.none(), small), lambda inner: st.lists(inner, max_size=2)).map(
        lambda value: {"const": value}
    ),
)


@st.composite
def objects(draw, inner):
    properties = draw(st.dictionaries(st.sampled_from(["a", "b", "c d", "e/f"]), inner, max_size=3))
    required = [name for name in properties if draw(st.booleans())]
    schema = {"type": "object", "properties": properties, "required": required}
    if draw(st.booleans()):
        schema["additionalProperties"] = False
    return schema


def wider(inner):
    return st.one_of(
        objects(inner),
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 3)),
        st.lists(inner, min_size=1, max_size=3).map(lambda choices: {"anyOf": choices}),
        inner.map(lambda one: {"allOf": [one], "description": "as it is"}),
        inner.map(lambda one: {"anyOf": [one, {"type": "null"}]}),
        st.just({"$ref": "#/$defs/leaf"}),
        st.just({"type": "array", "items": {"$ref": "#"}}),
        st.just({"properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"]}),
    )


SCHEMAS = st.builds(
    lambda schema, leaf: {**schema, "$defs": {"leaf": leaf}}, st.recursive(LEAVES, wider, max_leaves=8), LEAVES
)


@settings(max_examples=examples(200))
@given(SCHEMAS)
def test_what_is_made_fits(schema):
    value = made(schema)
    assert fits(value, schema)
    assert made(schema) == value


KEYWORDS = [
    *{key for schema in (NODE["$defs"]["Node"], *map(dict, [{"type": 1, "enum": 1, "const": 1}])) for key in schema}
]
KEYWORDS += [
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minLength",
    "maxLength",
    "pattern",
    "format",
]
KEYWORDS += ["minimum", "maximum", "exclusiveMinimum", "multipleOf", "allOf", "anyOf", "oneOf", "not", "$ref", "if"]
KEYWORDS += ["minProperties", "maxProperties", "patternProperties", "propertyNames"]
JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 10**9),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["string", "object", "array", "integer", "#", "#/a", "^(", "[a-z]+", "(?=a)", "\\1", "x{9}"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(sorted(KEYWORDS)), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=examples(300))
@given(st.dictionaries(st.sampled_from(sorted(KEYWORDS)), JUNK, max_size=4))
def test_whatever_comes_it_is_an_answer_that_fits_or_a_clear_error(schema):
    try:
        value = made(schema)
    except ConfigurationError as error:
        assert "the mock can make nothing that fits the response format 'response'" in str(error)
        return
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(value)
    except (jsonschema.SchemaError, re.error, ArithmeticError, TypeError, RecursionError):
        pass  # the other has no answer to it


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (
            {"type": "integer", "minimum": 3, "maximum": 2},
            "$: the mock finds nothing that fits its maximum, minimum, type",
        ),
        ({"type": "object", "properties": {"a": {"type": "text"}}, "required": ["a"]}, "'text' is no type of JSON"),
        ({"properties": {"a": False}, "required": ["a"]}, "$.a: nothing is allowed there"),
        ({"properties": {"a": {"type": "array", "items": False, "minItems": 1}}, "required": ["a"]}, "$.a[0]: nothing"),
        ({"if": {}}, "the mock does not know the keyword 'if'"),
        ({"$ref": "other.json"}, "the reference 'other.json' leads out of the schema"),
        ({"$ref": "#/$defs/no"}, "the reference '#/$defs/no' leads nowhere"),
        ({"$ref": "#"}, "$: the mock finds nothing that fits its $ref"),
        ({"type": "string", "pattern": "(?=a)b"}, "$: the mock finds nothing that fits its pattern, type"),
        ({"type": "string", "pattern": "("}, "$: the mock finds nothing that fits its pattern, type"),
        ({"type": "string", "minLength": 10**9}, "the mock makes no text of 1000000000 characters"),
        ({"type": "array", "minItems": 10**9}, "$: the mock makes no list of 1000000000 items"),
        ({"type": "object", "minProperties": 10**9}, "$: the mock makes no object of 1000000000 properties"),
        ({"type": "string", "minLength": "x"}, "the schema is malformed (TypeError"),
        ({"properties": {"a": 5}, "required": ["a"]}, "expected a schema, got 5"),
    ],
)
def test_what_cannot_be_made_says_why(schema, says):
    with pytest.raises(ConfigurationError) as caught:
        made(schema)
    assert caught.value.message.startswith(
        f"the mock can make nothing that fits the response format 'response': {says}"
    )
    assert caught.value.message.endswith("; script a reply for this request")


def test_schemas_that_explode_are_given_up():
    doubled = {
        f"d{n}": {"type": "array", "prefixItems": [{"$ref": f"#/$defs/d{n + 1}"}] * 2, "minItems": 2} for n in range(40)
    }
    with pytest.raises(ConfigurationError, match="the schema is too large"):
        made({"$ref": "#/$defs/d0", "$defs": {**doubled, "d40": {}}})
    deep = {}
    for _ in range(900):
        deep = {"type": "array", "items": deep, "minItems": 1}
    with pytest.raises(ConfigurationError, match="script a reply"):
        made(deep)


# --- in chats -----------------------------------------------------------------------------------------------

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOLS = [jf.Tool("time"), jf.Tool("weather", parameters=WEATHER)]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_response_format_gets_what_fits(colour):
    async def body(client):
        reply = await client.chat("x", response_format=WEATHER, n=2)
        assert [json.loads(choice.message.text) for choice in reply.choices] == [{"city": "mock", "days": 1}] * 2
        assert reply.parsed == {"city": "mock", "days": 1}
        stream = client.stream("x", response_format=WEATHER)
        async with stream:
            assert len([event async for event in stream]) > 4
        assert json.loads(stream.response.text) == {"city": "mock", "days": 1}
        assert isinstance((await client.chat("x", response_format="json")).parsed, dict)
        assert (await client.chat("x", response_format="text")).text.startswith("Hello!")

    run(colour, body, config={"default": "mock"})


def test_a_scripted_reply_wins_over_the_format_and_the_choice():
    mock = MockProvider("as scripted")
    with jf.Client({"default": "mock"}, plugins=mock.plugins()) as client:
        assert client.chat("x", response_format=WEATHER).text == "as scripted"
        assert client.chat("x", tools=TOOLS, tool_choice="required").text == "as scripted"


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("choice", "name", "arguments"),
    [("required", "time", {}), (jf.ForcedTool("weather"), "weather", {"city": "mock", "days": 1})],
)
def test_a_tool_that_is_forced_is_called(colour, choice, name, arguments):
    async def body(client):
        reply = await client.chat("x", tools=TOOLS, tool_choice=choice)
        assert [(call.name, call.parsed) for call in reply.tool_calls] == [(name, arguments)]
        assert (reply.text, reply.finish.unified) == ("", "tool_calls")

    run(colour, body, config={"default": "mock"})


@pytest.mark.parametrize("choice", [None, "auto", "none"])
def test_no_tool_is_called_that_is_not_forced(choice):
    with jf.Client({"default": "mock"}) as client:
        assert client.chat("x", tools=TOOLS, tool_choice=choice).tool_calls == ()


def test_a_scripted_call_without_arguments_gets_some_that_fit():
    mock = MockProvider(Reply(tool_calls=[{"name": "weather"}, {"name": "weather", "arguments": {}}, {"name": "gone"}]))
    with jf.Client({"default": "mock"}, plugins=mock.plugins()) as client:
        calls = client.chat("x", tools=TOOLS).tool_calls
    assert [call.parsed for call in calls] == [{"city": "mock", "days": 1}, {}, {}]


def test_a_choice_that_contradicts_the_tools():
    with jf.Client({"default": "mock"}) as client:
        with pytest.raises(BadRequestError, match="tool_choice: no tool 'sky' is offered"):
            client.chat("x", tools=TOOLS, tool_choice=jf.ForcedTool("sky"))
        with pytest.raises(BadRequestError, match="tool_choice: a tool is required, and none is offered"):
            client.chat("x", tool_choice="required")


def test_parameters_that_nothing_fits():
    tool = jf.Tool("odd", parameters={"type": "object", "properties": {"a": False}, "required": ["a"]})
    with jf.Client({"default": "mock"}) as client:
        with pytest.raises(
            ConfigurationError, match="fits the parameters of the tool 'odd': \\$.a: nothing is allowed"
        ):
            client.chat("x", tools=[tool], tool_choice="required")
