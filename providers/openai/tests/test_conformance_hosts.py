"""Azure, and hosts of the table that differ most, keep what every provider must; see the testkit."""

import pytest

pytest.importorskip("jackfield_testkit")

from samples_moderations import moderation_samples
from samples_openai import REFUSALS, samples

from jackfield_testkit.conformance import SECRET, ProviderConformance

MODELS = {"chat": "m", "complete": "m", "embed": "m"}  # a host may have none that everybody can use


class TestMistral(ProviderConformance):
    plugin = "mistral"
    settings = {"api_key": SECRET, "default_models": MODELS}
    samples = [*samples(), *moderation_samples()]
    refusals = REFUSALS


class TestOllama(ProviderConformance):
    plugin = "ollama"
    settings = {"api_key": SECRET, "default_models": MODELS}
    samples = samples()
    refusals = REFUSALS


class TestAzure(ProviderConformance):
    plugin = "azure"
    settings = {
        "api_key": SECRET,
        "base_url": "https://resource.openai.azure.com",
        "api_version": "2024-10-21",
        "default_models": MODELS,
    }
    samples = samples()
    refusals = REFUSALS
