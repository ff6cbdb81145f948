"""The mock keeps what every provider without HTTP must; see the testkit."""

import pytest

pytest.importorskip("jackfield_testkit")

from jackfield.operations import ChatRequest, CompleteRequest, EmbedRequest, ModelRequest, ModelsRequest
from jackfield.types import Finish, ModelInfo
from jackfield_testkit.conformance import ProviderConformance, Sample

HELLO = 'Hello! I am the mock provider: you said "Hello".'


class TestMock(ProviderConformance):
    plugin = "mock"
    settings = {"chunk": 8, "delay": 0.01}
    waivers = {
        "field_is_sent_or_reported": "whoever asks the mock may ask for anything, unless a setting says otherwise"
    }
    samples = [
        Sample(
            name="text", request=ChatRequest(messages="Hello"), says={"text": HELLO, "finish": Finish("stop", "stop")}
        ),
        Sample(name="completion", request=CompleteRequest(prompt="Once"), says={"finish": Finish("stop", "stop")}),
        Sample(
            name="embeddings",
            request=EmbedRequest(input=["one", "two"]),
            says={"vectors": lambda vectors: len(vectors) == 2},
        ),
        Sample(name="models", request=ModelsRequest(), says={"models": [ModelInfo("mock")]}),
        Sample(name="model", request=ModelRequest(model="mock"), says={"info.id": "mock"}),
    ]
