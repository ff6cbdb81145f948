"""Rankings through both clients, what is refused before anything is sent, and replies that are none."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import jackfield as jf
from jackfield.errors import (
    BadRequestError,
    ConfigurationError,
    JackfieldError,
    MalformedReplyError,
    OverloadedError,
    ServerError,
)
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


RANKING = {"model": "a-ranker", "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0}]}


def replied(body, status=200, headers=None, **fields):
    """What a request comes to where every reply is this one."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = HttpResponse(status, {"content-type": "application/json", **(headers or {})}, text)
    with jf.Client(CONFIG, transport=FunctionNetwork(lambda _: response)) as client:
        return client.call(RerankRequest(**{"query": "which?", "documents": DOCUMENTS, **fields}))


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


@pytest.mark.parametrize("streaming", [False, True])
def test_a_cache_keeps_rankings_and_a_retry_asks_again(streaming):
    service = Service(failures=1)
    config = {**CONFIG, "middleware": [{"use": "cache"}, {"use": "retry", "backoff": 0.0}]}
    request = RerankRequest(query="which?", documents=DOCUMENTS)

    def ask(client):
        if not streaming:
            return client.call(request)
        with client.stream(request) as stream:
            assert [type(event).__name__ for event in stream] == ["Start", "Ranked", "Ranked", "Ranked"]
            return stream.response

    with jf.Client(config, transport=FunctionNetwork(service)) as client:
        first, second = ask(client), ask(client)
    assert (first.cached, second.cached) == (False, True)
    assert (first.attempts, second.attempts) == (2, 0)
    assert first.ranked == second.ranked
    assert len(service.asked) == 2


def test_rankings_are_logged(caplog):
    pytest.importorskip("jackfield_logging")
    config = {**CONFIG, "middleware": [{"use": "logging"}]}
    with caplog.at_level("INFO"), jf.Client(config, transport=FunctionNetwork(Service())) as client:
        client.call(RerankRequest(query="which?", documents=DOCUMENTS))
    told = [record.message for record in caplog.records if record.message.startswith("rerank rerank:")]
    assert any("complete after" in line for line in told)
    assert not any("three" in line for line in told)


def test_an_error_is_typed():
    with jf.Client(CONFIG, transport=FunctionNetwork(Service(failures=9))) as client:
        with pytest.raises(OverloadedError, match="busy") as raised:
            client.call(RerankRequest(query="which?", documents=DOCUMENTS))
    assert (raised.value.operation, raised.value.code) == ("rerank", "503")


def test_an_error_inside_a_success_is_one():
    with pytest.raises(ServerError, match="upstream is down") as raised:
        replied({"error": {"message": "upstream is down", "code": 502}})
    assert (raised.value.status, raised.value.code, raised.value.retryable) == (502, "502", True)


def test_the_service_says_whether_to_ask_again():
    with pytest.raises(ServerError) as raised:
        replied({"error": {"message": "no"}}, 500, {"x-should-retry": "false"})
    assert raised.value.retryable is False


@pytest.mark.parametrize("body", [b"<html>", b"", {"error": "plain"}, {"error": {"message": 5}}, []])
def test_an_error_of_no_known_form_has_its_status(body):
    with pytest.raises(JackfieldError) as raised:
        replied(body, 503)
    assert type(raised.value) is OverloadedError
    assert raised.value.status == 503


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (b"1" + b"0" * 400, "relevance_score: expected a number, got 1000"),
        (b"1e999", "relevance_score: expected a number, got inf"),
        (b"true", "relevance_score: expected float, got 'True'"),
        (b"null", "results[0]: expected the place of a document that was not ranked yet, of 3, and a score"),
        (b'1}, {"index": 0, "relevance_score": 2', "results[1]: expected the place of a document"),
        (b'1, "index": 3', "results[0]: expected the place of a document"),
        (b'1, "index": -1', "results[0]: expected the place of a document"),
    ],
)
def test_a_reply_that_is_no_ranking_is_refused(results, said):
    with pytest.raises(MalformedReplyError, match=re.escape(said)):
        replied(b'{"results": [{"index": 0, "relevance_score": ' + results + b"}]}")


def test_an_empty_ranking_is_not_complete_and_a_short_one_is():
    with pytest.raises(jf.TruncatedStreamError, match="no document was ranked"):
        replied({"results": []})
    assert [one.index for one in replied(RANKING).ranked] == [1, 0]


def test_what_has_no_word_stays_in_raw():
    usage = {"search_units": 1, "total_tokens": 150, "cost": 0.001}
    reply = replied({**RANKING, "provider": "Cohere", "usage": usage})
    assert reply.usage == jf.Usage(input_tokens=150, cost=0.001)
    assert (reply.raw["provider"], reply.raw["usage"]["search_units"]) == ("Cohere", 1)


def test_what_only_this_plugin_understands_is_sent_or_refused():
    service = Service()
    with jf.Client(CONFIG, transport=FunctionNetwork(service)) as client:
        options = {"rerank": {"provider": {"order": ["cohere"]}}, "openai": {"store": True}}
        client.call(RerankRequest(query="which?", documents=DOCUMENTS, options=options, extra_body={"x": 1}))
        for wrong, said in (
            ({"providr": {}}, "options.rerank.providr: no such option"),
            ({"provider": "cohere"}, "options.rerank.provider: expected a dictionary of preferences, got 'cohere'"),
        ):
            with pytest.raises(BadRequestError, match=re.escape(said)):
                client.call(RerankRequest(query="which?", documents=DOCUMENTS, options={"rerank": wrong}))
    assert [one["provider"] for one in service.asked] == [{"order": ["cohere"]}]
    assert service.asked[0]["x"] == 1


def test_a_key_is_needed_at_openrouter_and_the_variable_gives_it(monkeypatch):
    monkeypatch.delenv("RERANK_API_KEY", raising=False)
    request = RerankRequest(query="which?", documents=DOCUMENTS)
    network = FunctionNetwork(Service())
    with jf.Client({"default": "rerank"}, transport=network) as client:
        with pytest.raises(ConfigurationError, match=re.escape("providers.rerank.api_key: missing; set it, or RERANK")):
            client.call(request)
    own = {"default": "rerank", "providers": {"rerank": {"base_url": "http://127.0.0.1:1/v1"}}}
    with jf.Client(own, transport=network) as client:
        assert client.call(request).ranked
    monkeypatch.setenv("RERANK_API_KEY", "a-key")
    with jf.Client({"default": "rerank"}, transport=network) as client:
        assert client.call(request).ranked


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"query": ""}, "query: expected a text, got ''"),
        ({"query": 5}, "query: expected a text, got 5"),
        ({"documents": []}, "documents: expected at least one"),
        ({"documents": {"one": 1}}, "documents: expected several texts"),
        ({"documents": {"one", "two"}}, "documents: expected several texts"),
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
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["index", "relevance_score", "x"]), inner)
    ),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {}, optional={"id": VALUES, "results": VALUES | st.lists(VALUES), "usage": VALUES, "error": VALUES}
    )
    | VALUES
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
