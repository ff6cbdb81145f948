"""The provider keeps what every provider must; see the testkit."""

import pytest

pytest.importorskip("jackfield_testkit")

import samples_responses
from samples_openai import REFUSALS, samples

from jackfield_testkit.conformance import SECRET, ProviderConformance


class TestOpenAI(ProviderConformance):
    plugin = "openai"
    settings = {"api_key": SECRET}
    samples = samples()
    refusals = REFUSALS


class TestOpenAIOverResponses(ProviderConformance):
    plugin = "openai"
    settings = {"api_key": SECRET, "api": "responses"}
    samples = samples_responses.samples()
    refusals = samples_responses.REFUSALS
