"""The provider keeps what every provider must; see the testkit."""

from pathlib import Path

from jackfield.errors import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    NotFoundError,
    OverloadedError,
    QuotaError,
    RateLimitError,
)
from jackfield.http import HttpResponse
from jackfield.operations import ChatRequest, ModelRequest, ModelsRequest
from jackfield.types import Finish, Usage
from jackfield_testkit.conformance import SECRET, ProviderConformance, Refusal, Sample

WIRE = Path(__file__).parent / "wire"
HEADERS = {"request-id": "req_011"}
CACHED = Usage(2177, 4, cached_tokens=2048, cache_write_tokens=120)


def chat(name, finish, **says):
    return Sample(
        name=name,
        request=ChatRequest(messages="Hello", max_output_tokens=9000),
        reply=WIRE / f"{name}.json",
        stream=WIRE / f"{name}.sse",
        says={"finish": finish, "request_id": "req_011", **says},
        headers=HEADERS,
    )


def refusal(status, kind, error, message="It failed.", **more):
    reply = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011"}
    says = {"code": kind, "message": message, "request_id": "req_011", **more}
    return Refusal(name=f"{kind}-{error.__name__}", error=error, reply=reply, status=status, says=says)


class TestAnthropic(ProviderConformance):
    plugin = "anthropic"
    settings = {"api_key": SECRET}
    samples = (
        chat("text", Finish("stop", "end_turn"), text="Grüß Gott! It is 5 °C in Zürich. 🌨️"),
        chat(
            "cached", Finish("length", "max_tokens"), usage=Usage(2177, 4, cached_tokens=2048, cache_write_tokens=120)
        ),
        chat("parallel", Finish("tool_calls", "tool_use"), tool_calls=lambda calls: len(calls) == 3),
        chat("tools", Finish("tool_calls", "tool_use"), text="I will look at the weather."),
        chat("thinking", Finish("tool_calls", "tool_use"), reasoning=lambda text: text.startswith("27 * 453")),
        chat("redacted", Finish("stop", "end_turn"), text="Based on that, here it is."),
        chat("citations", Finish("stop", "end_turn"), annotations=lambda remarks: len(remarks) == 4),
        chat("refusal", Finish("content_filter", "refusal"), refusal="This request was declined by policy."),
        chat("unknown", Finish("other", "out_of_ideas"), text="There."),
        Sample(
            name="models",
            request=ModelsRequest(),
            first=[HttpResponse(200, HEADERS, (WIRE / "models_1.json").read_bytes())],
            reply=WIRE / "models_2.json",
            says={"models": lambda models: len(models) == 3},
        ),
        Sample(
            name="model",
            request=ModelRequest(model="claude-opus-4-8"),
            reply={"type": "model", "id": "claude-opus-4-8", "display_name": "Claude Opus 4.8"},
            says={"info": lambda info: info.name == "Claude Opus 4.8"},
        ),
    )
    refusals = (
        refusal(400, "invalid_request_error", BadRequestError),
        refusal(400, "invalid_request_error", ContextLengthError, "prompt is too long: 9 tokens > 5 maximum"),
        refusal(400, "invalid_request_error", QuotaError, "Your credit balance is too low to access the API"),
        refusal(401, "authentication_error", AuthenticationError),
        refusal(404, "not_found_error", NotFoundError, "model: claude-none"),
        refusal(429, "rate_limit_error", RateLimitError, retryable=True),
        refusal(529, "overloaded_error", OverloadedError, retryable=True),
        Refusal(
            name="overloaded-in-stream",
            error=OverloadedError,
            stream=WIRE / "error_in_stream.sse",
            says={"code": "overloaded_error", "retryable": True},
        ),
    )
