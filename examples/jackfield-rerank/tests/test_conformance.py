"""The provider keeps what every provider must, and so do the middlewares, with an operation that is new to them."""

from jackfield.errors import AuthenticationError, QuotaError, RateLimitError
from jackfield.types import Start, Usage, UsageReported
from jackfield_rerank import Ranked, RerankRequest
from jackfield_testkit.conformance import SECRET, MiddlewareConformance, Probe, ProviderConformance, Refusal, Sample

ASKED = RerankRequest(query="What is the capital of France?", documents=["Berlin is one.", "Paris is its capital."])
REPLY = {
    "id": "gen-rerank-1",
    "model": "cohere/rerank-v3.5",
    "provider": "Cohere",
    "results": [
        {"index": 1, "relevance_score": 0.98, "document": {"text": "Paris is its capital."}},
        {"index": 0, "relevance_score": 0.25, "document": {"text": "Berlin is one."}},
    ],
    "usage": {"search_units": 1, "total_tokens": 150, "cost": 0.001},
}


class TestRerank(ProviderConformance):
    plugin = "rerank"
    settings = {"api_key": SECRET}
    probes = {"top_n": Probe(2)}
    samples = [
        Sample(
            name="ranking",
            request=ASKED,
            reply=REPLY,
            says={
                "id": "gen-rerank-1",
                "best.index": 1,
                "ranked": lambda found: [one.score for one in found] == [0.98, 0.25],
                "usage": Usage(input_tokens=150, cost=0.001),
            },
        )
    ]
    refusals = [
        Refusal(name="key", status=401, reply={"error": {"message": "No.", "code": 401}}, error=AuthenticationError),
        Refusal(name="credit", status=402, reply={"error": {"message": "No.", "code": 402}}, error=QuotaError),
        Refusal(
            name="limit",
            status=429,
            headers={"retry-after": "7"},
            reply={"error": {"message": "Slowly.", "code": 429}},
            error=RateLimitError,
            says={"code": "429", "retry_after": 7.0},
        ),
    ]


PLAYS = {"rerank": (ASKED, (Start(id="r-1"), Ranked(1, 0.98, "Paris"), Ranked(0, 0.25), UsageReported(Usage(150))))}


class TestCacheOfRankings(MiddlewareConformance):
    plugin = "cache"
    plays = PLAYS


class TestRetryOfRankings(MiddlewareConformance):
    plugin = "retry"
    plays = PLAYS
