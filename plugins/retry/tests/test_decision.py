"""The decision: the vectors that are shipped for others, and what holds whatever the numbers."""

import json
import math
from importlib.resources import files
from typing import get_args

import attrs
import pytest
from hypothesis import given, strategies as st

from jackfield_retry import Reason, RetrySettings, State, decide

DOCUMENT = json.loads(files("jackfield_retry").joinpath("vectors.json").read_text(encoding="utf-8"))
VECTORS = DOCUMENT["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_vector(vector):
    verdict = decide(RetrySettings(**vector.get("rules", {})), State(**vector["state"]))
    expected = dict(vector["verdict"])
    assert verdict.wait == pytest.approx(expected.pop("wait"), abs=1e-9)
    assert {name: getattr(verdict, name) for name in expected} == expected


def test_there_are_enough_vectors_and_each_has_a_name_of_its_own():
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS) >= 80
    reasons = {vector["verdict"]["reason"] for vector in VECTORS}
    assert reasons == set(get_args(Reason))


def test_the_document_says_what_is_left_out_of_a_vector():
    assert DOCUMENT["format"] == 1
    assert DOCUMENT["state"] == attrs.asdict(State())
    settings = attrs.asdict(RetrySettings())
    assert DOCUMENT["rules"] == {name: settings[name] for name in DOCUMENT["rules"]}
    for vector in VECTORS:
        assert vector["state"].keys() <= DOCUMENT["state"].keys()
        assert vector.get("rules", {}).keys() <= DOCUMENT["rules"].keys()


@pytest.mark.parametrize("asked", [math.nan, -math.inf])
def test_a_wait_that_is_no_number_is_none(asked):
    assert decide(RetrySettings(), State(retry_after=asked)).wait == 0.25


def test_a_wait_without_end_is_too_long():
    assert decide(RetrySettings(), State(retry_after=math.inf)).reason == "wait"


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
STATES = st.builds(
    State,
    attempt=st.integers(1, 10**6),
    retryable=st.booleans(),
    delivered=st.booleans(),
    timeout=st.booleans(),
    sent=st.booleans(),
    status=st.none() | st.integers(200, 599),
    repeatable=st.booleans(),
    idempotent=st.booleans(),
    retry_after=st.none() | NUMBERS,
    time_left=st.none() | st.floats(-10, 1000),
    budget_left=st.none() | st.integers(-5, 5),
    circuit=st.sampled_from(["closed", "open", "half_open"]),
    tokens=st.integers(0, 500),
    chance=st.floats(0, 1, exclude_max=True),
)
RULES = st.builds(
    RetrySettings,
    attempts=st.integers(1, 100),
    backoff=st.floats(0, 1e6),
    max_backoff=st.floats(0, 1e6),
    max_wait=st.floats(0, 1e6),
    cost=st.integers(0, 50),
    timeout_cost=st.integers(0, 50),
)


@given(RULES, STATES)
def test_a_retry_never_breaks_a_bound(rules, state):
    verdict = decide(rules, state)
    assert verdict.retry is (verdict.reason == "retry")
    if not verdict.retry:
        assert (verdict.wait, verdict.cost) == (0.0, 0)
        return
    assert state.retryable
    assert not state.delivered
    assert state.attempt < rules.attempts
    assert state.circuit != "open"
    assert 0 <= verdict.wait <= rules.max_wait
    assert state.time_left is None or verdict.wait < state.time_left
    assert verdict.cost <= state.tokens
    assert state.repeatable or state.idempotent or not state.sent or 400 <= (state.status or 0) < 500


@given(RULES, STATES)
def test_the_same_state_gives_the_same_verdict(rules, state):
    assert decide(rules, state) == decide(rules, attrs.evolve(state))
