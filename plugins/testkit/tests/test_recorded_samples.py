"""Samples from cassettes: what they hold, what is refused, and a suite that runs on them."""

import pytest

from jackfield.errors import ConfigurationError
from jackfield.http import HttpRequest
from jackfield.operations import ChatRequest
from jackfield_testkit.cassettes import Cassette, CassetteError, RecordedExchange
from jackfield_testkit.conformance import Sample
from jackfield_testkit.conformance._exchanges import Outcome
from jackfield_testkit.scaffold import generate

ASKED = HttpRequest("POST", "/v1/chat", {}, b"{}", origin="https://far.test:443")
LOOKED = HttpRequest("GET", "/v1/models", origin="https://far.test:443")
JSON = {"content-type": "application/json; charset=utf-8", "x-request-id": "r"}
SSE = {"content-type": "text/event-stream"}
WHOLE = b'{"id":"r-1","text":"Hello","finish":"end"}'
PIECES = (b'data: {"id": "r-1"}\n\nda', b'ta: {"text": "Hello"}\n\ndata: {"finish": "end"}\n\ndata: [DONE]\n\n')


def kept(folder, name, *exchanges):
    return Cassette(list(exchanges)).save(folder / name)


def test_a_sample_is_what_was_recorded(tmp_path, monkeypatch):
    reply = kept(tmp_path, "reply.json", RecordedExchange(ASKED, 200, JSON, (WHOLE,)))
    stream = kept(tmp_path, "stream.json", RecordedExchange(ASKED, 200, SSE, PIECES))
    request = ChatRequest(messages="Hello")
    sample = Sample.recorded("hello", request, says={"text": "Hello"}, reply=reply, stream=stream)
    assert (sample.reply, sample.stream, sample.first) == (WHOLE, b"".join(PIECES), [])
    assert sample.head(streaming=False)["content-type"] == JSON["content-type"]

    generate("provider", "acme", tmp_path / "new")
    monkeypatch.syspath_prepend(tmp_path / "new/src")
    from jackfield_acme import AcmeProvider, AcmeSettings

    provider = AcmeProvider("acme", AcmeSettings())
    found = [Outcome(provider, sample, [sample.body(streaming=form)], streaming=form) for form in (False, True)]
    assert [one.error for one in found] == [None, None]
    assert [one.response.text for one in found] == ["Hello", "Hello"]


def test_earlier_round_trips_come_first(tmp_path):
    looked, asked = RecordedExchange(LOOKED, 200, JSON, (b"[]",)), RecordedExchange(ASKED, 200, JSON, (WHOLE,))
    path = kept(tmp_path, "two.json", looked, asked)
    sample = Sample.recorded("hello", ChatRequest(messages="Hello"), says={"text": "Hello"}, reply=path)
    assert [(one.status, one.body) for one in sample.first] == [(200, b"[]")]
    assert (sample.reply, sample.forms) == (WHOLE, [False])


@pytest.mark.parametrize(
    "exchanges",
    [
        (),
        (RecordedExchange(ASKED, 500, JSON, (b"{}",)),),
        (RecordedExchange(ASKED, fault="lost"),),
        (RecordedExchange(ASKED, 200, SSE, PIECES[:1], "reset"),),
    ],
)
def test_what_is_no_whole_reply_is_refused(exchanges, tmp_path):
    path = kept(tmp_path, "wrong.json", *exchanges)
    with pytest.raises(ConfigurationError, match="expected a whole reply with a status of 2xx at its end"):
        Sample.recorded("hello", ChatRequest(messages="Hello"), says={}, reply=path)


def test_what_is_no_cassette_is_refused(tmp_path):
    (tmp_path / "wrong.json").write_text("[]")
    with pytest.raises(CassetteError):
        Sample.recorded("hello", ChatRequest(messages="Hello"), says={}, reply=tmp_path / "wrong.json")
