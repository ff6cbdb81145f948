"""Tools from plain functions, and the arguments of their calls."""

from functools import partial
from typing import Annotated, Any

import anyio
import attrs
import pytest
from kinds import Address, Color

from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.operations import ChatRequest
from jackfield.types import Tool, ToolCall
from jackfield_schema import arguments, function_schema

INTEGER, STRING = {"type": "integer"}, {"type": "string"}


def weather(city: str, days: Annotated[int, "how many"] = 1, *, home: Address | None = None, color: Color = Color.RED):
    """Tell the weather
    of a city.

    It may be wrong.

    Args:
        city: the name,
            with its country
        days: not used, as the type has a text
        home: where to go back to

    Returns:
        city: nothing of the kind
    """
    return city, days, home, color


async def later(seconds: float) -> float:
    """Wait."""
    return seconds


class Shop:
    def sell(self, count: int) -> int:
        """Sell some."""
        return count

    @classmethod
    def stock(cls, kind: str = "tea") -> str:
        return kind

    @staticmethod
    def greet(name: str) -> str:
        return name

    def __call__(self, count: int) -> int:
        return count


def call(text, *, complete=True):
    return ToolCall("c1", "weather", text, complete)


def test_a_function_becomes_a_tool():
    tool = Tool.from_function(weather)
    assert (tool.name, tool.description, tool.strict) == ("weather", "Tell the weather of a city.", None)
    parameters = dict(tool.parameters)
    assert parameters.pop("$defs").keys() == {"Address"}
    assert parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "the name, with its country"},
            "days": {"type": "integer", "description": "how many", "default": 1},
            "home": {
                "anyOf": [{"$ref": "#/$defs/Address"}, {"type": "null"}],
                "description": "where to go back to",
                "default": None,
            },
            "color": {
                "type": "string",
                "enum": ["red", "blue"],
                "description": "What it looks like.",
                "default": "red",
            },
        },
        "required": ["city"],
        "additionalProperties": False,
    }


def test_name_description_and_strictness_can_be_given():
    tool = Tool.from_function(weather, name="forecast", description="", strict=True)
    assert (tool.name, tool.description, tool.strict) == ("forecast", "", True)
    assert tool.parameters["required"] == ["city", "days", "home", "color"]
    assert Tool.from_function(weather, strict=False).parameters == Tool.from_function(weather).parameters
    assert Tool.from_function(lambda: 1, name="one").name == "one"


@pytest.mark.parametrize(
    ("function", "name", "properties"),
    [
        (later, "later", {"seconds": {"type": "number"}}),
        (Shop().sell, "sell", {"count": INTEGER}),
        (Shop.stock, "stock", {"kind": {**STRING, "default": "tea"}}),
        (Shop.greet, "greet", {"name": STRING}),
    ],
)
def test_other_functions_do_too(function, name, properties):
    tool = Tool.from_function(function)
    assert tool.name == name
    assert tool.parameters["properties"] == properties
    assert function_schema(function) == (name, tool.description, tool.parameters)


def no_hint(a): ...
def positional(a: int, /): ...
def many(*a: int): ...
def named(**a: int): ...
def lost(a: "Nowhere"): ...  # noqa: F821
def odd(a: int, b: list[complex]): ...
def open_ended(a: int, b: dict[str, int]): ...


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (no_hint, {}, "no_hint: parameter 'a' has no type hint; `Any` allows anything"),
        (Shop.sell, {}, "sell: parameter 'self' has no type hint; `Any` allows anything"),
        (positional, {}, "positional: parameter 'a' is positional-only, and a model gives each argument by its name"),
        (many, {}, "many: parameter 'a' is variadic positional, and a model gives each argument by its name"),
        (named, {}, "named: parameter 'a' is variadic keyword, and a model gives each argument by its name"),
        (lost, {}, "lost: its type hints cannot be read: NameError: name 'Nowhere' is not defined"),
        (odd, {}, "odd.b[]: complex has no JSON Schema"),
        (open_ended, {"strict": True}, "open_ended.b cannot be strict"),
        (lambda: 1, {}, "tool: <lambda> has no name of its own, so give it one"),
        (partial(weather, "Bath"), {"name": "x"}, "its type hints cannot be read: TypeError"),
        (Shop(), {"name": "x"}, "its type hints cannot be read: TypeError"),
        (dict.update, {}, "update: its type hints cannot be read: ValueError"),
        (5, {}, "5: its type hints cannot be read: TypeError"),
    ],
)
def test_a_function_that_a_model_cannot_call_is_refused(function, options, message):
    with pytest.raises(BadRequestError) as caught:
        Tool.from_function(function, **options)
    assert message in str(caught.value)


def test_a_request_takes_functions_among_its_tools():
    pytest.importorskip("jackfield_wire_openai", reason="nobody reads OpenAI's shapes")
    given = {"type": "function", "function": {"name": "f"}}
    request = ChatRequest(messages="Hello", tools=[weather, given, Shop().sell])
    assert request.tools == (Tool.from_function(weather), Tool("f"), Tool.from_function(Shop().sell))
    with pytest.raises(BadRequestError, match="no_hint: parameter 'a' has no type hint"):
        ChatRequest(messages="Hello", tools=[no_hint])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"city": "Bath"}', ("Bath", 1, None, Color.RED)),
        ('{"city": "Bath", "days": null, "home": null, "color": null}', ("Bath", 1, None, Color.RED)),
        (
            '{"city": "Bath", "days": 2, "home": {"street": "x", "city": null}, "color": "blue"}',
            ("Bath", 2, Address("x"), Color.BLUE),
        ),
    ],
)
def test_the_arguments_of_a_call_are_what_the_function_wants(text, expected):
    assert weather(**arguments(weather, call(text))) == expected


def test_a_call_without_arguments():
    assert arguments(Shop.stock, call("")) == {}
    assert Shop.stock(**arguments(Shop.stock, call("{}"))) == "tea"


def test_the_arguments_of_an_async_function_and_of_a_method():
    async def main():
        return await later(**arguments(later, call('{"seconds": 1}')))

    assert anyio.run(main) == 1.0
    assert Shop().sell(**arguments(Shop().sell, call('{"count": 3}'))) == 3


def test_a_parameter_may_have_any_name():
    def plain(value: int, self: int, cls: Any = None): ...

    assert arguments(plain, call('{"value": 1, "self": 2}')) == {"value": 1, "self": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "arguments of tool call 'weather': city: missing; expected a text"),
        ('{"city": null}', "arguments of tool call 'weather': city: expected a text, got None"),
        ('{"city": "x", "days": "2"}', "arguments of tool call 'weather': days: expected a whole number, got '2'"),
        (
            '{"city": "x", "day": 2}',
            "arguments of tool call 'weather': day: no such field; weather has city, days, home, color",
        ),
        (
            '{"city": "x", "home": {"street": 1}}',
            "arguments of tool call 'weather': home.street: expected a text, got 1",
        ),
        ("[]", "arguments of tool call 'weather' are not a JSON object"),
    ],
)
def test_arguments_that_do_not_fit_are_named(text, message):
    with pytest.raises(MalformedReplyError) as caught:
        arguments(weather, call(text))
    assert str(caught.value) == message


def test_an_incomplete_call_is_not_read():
    with pytest.raises(MalformedReplyError, match="incomplete"):
        arguments(weather, call('{"city": "x"}', complete=False))


def test_a_class_is_a_function_that_makes_one():
    @attrs.frozen
    class Order:
        """An order."""

        count: int

    tool = Tool.from_function(Order)
    assert (tool.name, tool.description) == ("Order", "An order.")
    assert Order(**arguments(Order, call('{"count": 1}'))) == Order(1)
