"""The provider keeps what every provider must; see the testkit."""

import pytest

pytest.importorskip("jackfield_testkit")

from samples_openai import REFUSALS, samples

from jackfield_openrouter import CreditsRequest, EndpointsRequest, GenerationRequest, KeyRequest, OffersRequest
from jackfield_testkit.conformance import SECRET, ProviderConformance, Sample

MODEL = {
    "id": "openai/o1",
    "name": "OpenAI: o1",
    "created": 1_734_459_999,
    "context_length": 200_000,
    "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
    "pricing": {"prompt": "0.000015", "completion": "0.00006"},
    "supported_parameters": ["tools", "seed"],
}
ENDPOINT = {"provider_name": "OpenAI", "tag": "openai", "context_length": 200_000, "pricing": {"prompt": "0.000015"}}
KEY = {"label": "sk-or-v1-...", "limit": 20, "limit_remaining": 12.5, "usage": 7.5, "is_free_tier": False}
GENERATION = {
    "id": "gen-1",
    "model": "openai/o1",
    "provider_name": "OpenAI",
    "total_cost": 0.25,
    "streamed": True,
    "cancelled": False,
    "finish_reason": "stop",
    "native_finish_reason": "completed",
    "tokens_prompt": 10,
    "tokens_completion": 25,
}


def ids(offers):
    return [offer.id for offer in offers] == ["openai/o1"]


class TestOpenRouter(ProviderConformance):
    plugin = "openrouter"
    settings = {"api_key": SECRET, "check_models": False}
    samples = [
        *samples(),
        Sample(name="offers", request=OffersRequest(), reply={"data": [MODEL]}, says={"offers": ids}),
        Sample(
            name="endpoints",
            request=EndpointsRequest(model="openai/o1"),
            reply={"data": {**MODEL, "endpoints": [ENDPOINT]}},
            says={"offer.id": "openai/o1", "endpoints": lambda found: [one.provider for one in found] == ["OpenAI"]},
        ),
        Sample(
            name="credits",
            request=CreditsRequest(),
            reply={"data": {"total_credits": 100.5, "total_usage": 25.75}},
            says={"total": 100.5, "used": 25.75},
        ),
        Sample(
            name="key",
            request=KeyRequest(),
            reply={"data": KEY},
            says={"limit": 20, "used": 7.5, "is_free_tier": False},
        ),
        Sample(
            name="generation",
            request=GenerationRequest(generation="gen-1"),
            reply={"data": GENERATION},
            says={"served_by": "OpenAI", "cost": 0.25, "finish_reason": "stop"},
        ),
    ]
    refusals = REFUSALS
