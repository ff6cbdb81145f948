"""What can be set, in a configuration, in Python and in one request, and what wrong values are told."""

import pytest
from again import raised, world
from fakes import Player, hello, playing

import jackfield as jf
from jackfield.errors import BadRequestError, ConfigurationError, ServerError
from jackfield_retry import Retry, RetrySettings


def test_a_request_may_change_what_is_its_own():
    simulation, client, player = world([ServerError("no")], retry=Retry())
    raised(simulation, client.chat("x", options={"retry": {"attempts": 1}}))
    assert len(player.calls) == 1
    raised(simulation, client.chat("x", options={"retry": {"attempts": 5, "backoff": 0}}))
    assert len(player.calls) == 6


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"attempts": 0}, "options.retry.attempts: expected a whole number from 1 to 100, got 0"),
        ({"attempts": "2"}, "options.retry.attempts: expected a whole number from 1 to 100, got '2'"),
        ({"attempt": 2}, "options.retry.attempt: no such option; did you mean 'attempts'?"),
        ({"tokens": 2}, "options.retry.tokens: no such option; known: attempts, backoff, max_backoff, max_wait"),
    ],
)
def test_what_a_request_may_not_say_is_an_error(options, says):
    simulation, client, player = world(hello(), retry=Retry())
    error = raised(simulation, client.chat("x", options={"retry": options}))
    assert (type(error), error.message) == (BadRequestError, says)
    assert player.calls == []


def test_it_is_found_by_its_name_in_a_configuration():
    table = {"use": "retry", "attempts": 2, "backoff": 0, "circuit": False}
    options = playing(Player([ServerError("no")]))
    options["config"]["middleware"] = [table]
    with jf.Client(**options) as client:
        (retry,) = client.middleware
        with pytest.raises(ServerError) as caught:
            client.chat("x")
    assert retry.settings == RetrySettings(attempts=2, backoff=0, circuit=False)
    assert "2 attempts" in caught.value.__notes__[0]


WRONG = [
    ("attempts", 0, "expected a whole number from 1 to 100, got 0"),
    ("attempts", 101, "expected a whole number from 1 to 100, got 101"),
    ("backoff", -1, "expected a number from 0 to 31,536,000, got -1"),
    ("backoff", float("nan"), "expected a number from 0 to 31,536,000, got nan"),
    ("max_wait", float("inf"), "expected a number from 0 to 31,536,000, got inf"),
    ("tokens", -1, "expected a whole number from 0 to 1,000,000,000, got -1"),
    ("circuit_failures", 0, "expected a whole number from 1 to 1,000,000, got 0"),
    ("circuit_seconds", 0, "expected a number from 0.001 to 31,536,000, got 0"),
]


@pytest.mark.parametrize(("name", "value", "says"), WRONG)
def test_a_wrong_setting_is_a_clear_error_when_the_client_is_built(name, value, says):
    config = {"default": "fake", "middleware": [{"use": "retry", name: value}]}
    with pytest.raises(ConfigurationError) as caught:
        jf.Client(config, plugins=playing(Player())["plugins"])
    assert str(caught.value).removesuffix(".0") == f"config.middleware[0].{name}: {says}"
    with pytest.raises(ConfigurationError, match=name):
        RetrySettings(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("attempts", True), ("circuit", 1), ("backoff", "1"), ("cost", 1.5)])
def test_a_setting_of_another_type_is_a_clear_error(name, value):
    with pytest.raises(ConfigurationError, match=f"^{name}: expected"):
        RetrySettings(**{name: value})
    config = {"default": "fake", "middleware": [{"use": "retry", name: value}]}
    with pytest.raises(ConfigurationError, match=rf"middleware\[0\].{name}: expected"):
        jf.Client(config, plugins=playing(Player())["plugins"])


def test_a_setting_that_does_not_exist_is_a_clear_error():
    config = {"default": "fake", "middleware": [{"use": "retry", "attempt": 1}]}
    with pytest.raises(ConfigurationError, match=r"middleware\[0\].attempt: no such key; did you mean 'attempts'"):
        jf.Client(config, plugins=playing(Player())["plugins"])
