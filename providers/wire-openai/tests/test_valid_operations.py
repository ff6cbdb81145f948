"""What we send of completions and embeddings fits OpenAI's own description, or carries a waiver."""

import pytest
from any_chats import validator
from hypothesis import HealthCheck, given, settings, strategies as st
from operations import body_of

from jackfield.operations import CompleteRequest, EmbedRequest

# What our words allow and the description refuses: hosts allow it, and OpenAI says so itself where it does not.
WAIVERS = {
    "more than four stops": lambda body: len(body.get("stop", ())) > 4,
    "more than five log probabilities at a place": lambda body: body.get("logprobs", 0) > 5,
    "more than twenty to choose the best of": lambda body: body.get("best_of", 0) > 20,
    "more than 128 choices": lambda body: body.get("n", 0) > 128,
    "a bias with a fraction": lambda body: any(value % 1 for value in body.get("logit_bias", {}).values()),
    "texts and tokens together": lambda body: (
        isinstance(body.get("prompt", body.get("input")), list)
        and len({type(item) for item in body.get("prompt", body.get("input"))}) > 1
    ),
    "more than 2048 inputs": lambda body: isinstance(body.get("input"), list) and len(body["input"]) > 2048,
}


def faults(body, name):
    return [error.message for error in validator("openai", name).iter_errors(body)]


def check(body, name):
    waived = [waiver for waiver, applies in WAIVERS.items() if applies(body)]
    found = faults(body, name)
    assert not found or waived, (found, body)


text = st.text(max_size=6)
tokens = st.lists(st.integers(0, 100_000), min_size=1, max_size=4)
prompts = text | st.lists(text, min_size=1, max_size=4) | tokens | st.lists(tokens, min_size=1, max_size=3)
prompts |= st.lists(text | tokens, min_size=1, max_size=3)
maybe = lambda strategy: st.none() | strategy  # noqa: E731

completions = st.builds(
    CompleteRequest,
    prompt=prompts,
    suffix=maybe(text),
    max_output_tokens=maybe(st.integers(0, 10_000)),
    temperature=maybe(st.floats(0, 2)),
    top_p=maybe(st.floats(0, 1)),
    frequency_penalty=maybe(st.floats(-2, 2)),
    presence_penalty=maybe(st.floats(-2, 2)),
    stop=maybe(text | st.lists(text, max_size=5)),
    seed=maybe(st.integers()),
    n=maybe(st.integers(1, 200)),
    best_of=maybe(st.integers(1, 30)),
    echo=maybe(st.booleans()),
    logprobs=maybe(st.integers(0, 8)),
    logit_bias=maybe(st.dictionaries(st.integers(0, 100_000).map(str), st.integers(-100, 100) | st.floats(-100, 100))),
    user=maybe(text),
)
embeddings = st.builds(
    EmbedRequest,
    input=prompts,
    dimensions=maybe(st.integers(1, 5000)),
    user=maybe(text),
    options=st.sampled_from([{}, {"openai": {"encoding_format": "float"}}]),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(completions, st.booleans())
def test_every_completion_fits_the_description(request, streaming):
    check(body_of(request, streaming=streaming), "CreateCompletionRequest")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(embeddings)
def test_every_request_for_embeddings_fits_the_description(request):
    check(body_of(request), "CreateEmbeddingRequest")


@pytest.mark.parametrize(
    ("request_", "waiver"),
    [
        (CompleteRequest(prompt="x", stop=["a"] * 5), "more than four stops"),
        (CompleteRequest(prompt="x", logprobs=6), "more than five log probabilities at a place"),
        (CompleteRequest(prompt="x", best_of=21), "more than twenty to choose the best of"),
        (CompleteRequest(prompt="x", n=129), "more than 128 choices"),
        (CompleteRequest(prompt="x", logit_bias={"1": 0.5}), "a bias with a fraction"),
        (CompleteRequest(prompt=["x", [1]]), "texts and tokens together"),
        (EmbedRequest(input=["x"] * 2049), "more than 2048 inputs"),
    ],
)
def test_each_waiver_is_needed(request_, waiver):
    name = "CreateCompletionRequest" if isinstance(request_, CompleteRequest) else "CreateEmbeddingRequest"
    body = body_of(request_)
    assert [one for one, applies in WAIVERS.items() if applies(body)] == [waiver]
    assert faults(body, name)


def test_a_body_that_does_not_fit_is_found():
    assert faults({"model": "m"}, "CreateCompletionRequest")
    assert faults({"model": "m", "input": "x", "odd": 1}, "CreateEmbeddingRequest")
    assert faults({"model": "m", "prompt": "x", "echo": 5}, "CreateCompletionRequest")
