"""Rankings through both clients, what is refused before anything is sent, and replies that are none."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import jackfield as jf
from jackfield.errors import BadRequestError, JackfieldError, OverloadedError
from jackfield.http import HttpResponse
from jackfield_rerank import Ranked, RerankRequest
from jackfield_rerank.provider import read_ranking
from jackfield_testkit import FunctionNetwork

CONFIG = {"default": "rerank", "providers": {"rerank": {"api_key": "a-key"}}}
DOCUMENTS = ["one", {"text": "two"}, "three"]


class Service:
    """Ranks the documents by their length, after as many failures as it was told."""

    def __init__(self, failures=0):
        self.failures = failures
        self.asked = []

    def __call__(self, request):
        self.asked.append(json.loads(request.body))
        if len(self.asked) <= self.failures:
            return HttpResponse(
                503, {"content-type": "application/json"}, b'{"error": {"message": "busy", "code": 503}}'
            )
        texts = [one if isinstance(one, str) else one["text"] for one in self.asked[-1]["documents"]]
        results = [
            {"index": at, "relevance_score": len(text), "document": {"text": text}} for at, text in enumerate(texts)
        ]
        reply = {"id": "r-1", "model": self.asked[-1]["model"], "results": results[: self.asked[-1].get("top_n")]}
        return HttpResponse(200, {"content-type": "application/json"}, json.dumps(reply).encode())


def test_both_clients_rank():
    service = Service()
    request = RerankRequest(model="rerank:a-ranker", query="which?", documents=DOCUMENTS, top_n=3)
    with jf.Client(CONFIG, transport=FunctionNetwork(service)) as client:
        reply = client.call(request)
        with client.stream(request) as stream:
            streamed = [event for event in stream if isinstance(event, Ranked)]

    async def main():
        async with jf.AsyncClient(CONFIG, transport=FunctionNetwork(service)) as client:
            return await client.call(request)

    assert [one.index for one in reply.ranked] == [2, 0, 1]
    assert reply.best.document == {"text": "three"}
    assert [one.index for one in streamed] == [0, 1, 2]
    assert asyncio.run(main()) == reply
    assert service.asked[0] == {"model": "a-ranker", "query": "which?", "documents": DOCUMENTS, "top_n": 3}


def test_a_cache_keeps_rankings_and_a_retry_asks_again():
    service = Service(failures=1)
    config = {**CONFIG, "middleware": [{"use": "cache"}, {"use": "retry"}], "providers": CONFIG["providers"]}
    with jf.Client(config, transport=FunctionNetwork(service)) as client:
        first, second = (client.call(RerankRequest(query="which?", documents=DOCUMENTS)) for _ in range(2))
    assert (first.cached, second.cached) == (False, True)
    assert first.ranked == second.ranked
    assert len(service.asked) == 2


def test_an_error_is_typed():
    with jf.Client(CONFIG, transport=FunctionNetwork(Service(failures=9))) as client:
        with pytest.raises(OverloadedError, match="busy") as raised:
            client.call(RerankRequest(query="which?", documents=DOCUMENTS))
    assert (raised.value.operation, raised.value.code) == ("rerank", "503")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"query": ""}, "query: expected a text, got ''"),
        ({"query": 5}, "query: expected a text, got 5"),
        ({"documents": []}, "documents: expected at least one"),
        ({"documents": "one"}, "documents: expected several texts, got 'one'"),
        ({"documents": ["a", 5]}, "documents[1]: expected a text, or a table of `text` and `image`, got 5"),
        ({"documents": [{}]}, "documents[0]: expected a text"),
        ({"documents": [{"title": "a"}]}, "documents[0]: expected a text"),
        ({"top_n": 0}, "top_n: expected a whole number of at least 1, got 0"),
        ({"top_n": True}, "top_n: expected a whole number of at least 1, got True"),
    ],
)
def test_what_cannot_be_is_refused(fields, said):
    with pytest.raises(BadRequestError, match=re.escape(said)):
        RerankRequest(**{"query": "which?", "documents": ["a"], **fields})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["index", "relevance_score", "x"]), inner)
    ),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries({}, optional={"id": VALUES, "results": VALUES | st.lists(VALUES), "usage": VALUES}) | VALUES
)
def test_no_reply_is_a_foreign_error(payload):
    try:
        events = list(read_ranking(payload, 3, None))
    except JackfieldError:
        return
    assert events[0].raw is payload
    assert all(0 <= event.index < 3 for event in events if isinstance(event, Ranked))


def test_the_readme(capsys):
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    code, printed = re.findall(r"```(?:python|text)\n(.*?)```", readme, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == printed
