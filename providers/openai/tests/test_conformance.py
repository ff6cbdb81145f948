"""The provider keeps what every provider must; see the testkit."""

import pytest

pytest.importorskip("jackfield_testkit")

from samples_jobs import fine_tuning
from samples_openai import REFUSALS, samples

from jackfield_testkit.conformance import SECRET, ProviderConformance


class TestOpenAI(ProviderConformance):
    plugin = "openai"
    settings = {"api_key": SECRET}
    samples = [*samples(), *fine_tuning()]
    refusals = REFUSALS
