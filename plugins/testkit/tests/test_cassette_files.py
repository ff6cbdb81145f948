"""The file of a cassette: what a person reads, what comes back, and what is said of one that is broken."""

import json

import pytest
from hypothesis import given, strategies as st

from jackfield.http import HttpRequest
from jackfield_testkit.cassettes import Cassette, CassetteError, RecordedExchange
from jackfield_testkit.cassettes.exchange import BEFORE, INSIDE

CHAT = HttpRequest("POST", "/v1/chat", {"content-type": "application/json"}, b'{"a":1}', origin="https://far.test:443")

names = st.text(st.characters(codec="latin-1", exclude_characters="\r\n:"), min_size=1, max_size=8).map(str.lower)
headers = st.dictionaries(names, st.text(max_size=20), max_size=3)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())
bodies = (
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | jsons
    | st.sampled_from([b'{"a":1,"a":2}', b"[1e999]"])
)
requests = st.builds(
    HttpRequest,
    st.sampled_from(["GET", "POST", "DELETE"]),
    st.text(max_size=20).map(lambda text: f"/{text}"),
    headers,
    bodies,
    origin=st.sampled_from(["https://far.test:443", "http://[::1]:80"]),
)
exchanges = st.builds(
    RecordedExchange,
    requests,
    st.integers(100, 599),
    headers,
    st.lists(bodies, max_size=4).map(tuple),
    st.none() | st.sampled_from(INSIDE),
) | st.builds(RecordedExchange, requests, fault=st.sampled_from(BEFORE))


def same(data, other):
    """Whether two bodies say the same: JSON is kept as a value, and everything else byte by byte."""
    if data == other:
        return True
    one, two = json.loads(data), json.loads(other)
    return (
        one == two
        and json.dumps(one) == json.dumps(two)
        and other == json.dumps(two, ensure_ascii=False, separators=(",", ":")).encode()
    )


@given(st.lists(exchanges, max_size=3))
def test_arbitrary_exchanges_come_back(tmp_path_factory, recorded):
    file = tmp_path_factory.mktemp("cassettes") / "one.json"
    Cassette(recorded).save(file)
    loaded = Cassette.load(file)
    assert len(loaded.exchanges) == len(recorded)
    for one, other in zip(recorded, loaded.exchanges, strict=True):
        assert (one.request.method, one.request.origin) == (other.request.method, other.request.origin)
        assert (one.request.path, one.request.headers) == (other.request.path, other.request.headers)
        assert (one.status, one.headers, one.fault) == (other.status, other.headers, other.fault)
        assert same(one.request.body, other.request.body)
        assert same(one.body, other.body)
        if not other.body.startswith((b"{", b"[")):
            assert one.pieces == other.pieces
    text = file.read_text(encoding="utf-8")
    assert f"{loaded}\n" == text
    json.loads(text)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | jsons)
def test_whatever_a_file_holds_it_is_read_or_refused_with_its_name(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("cassettes") / "garbage.json"
    file.write_bytes(data)
    with pytest.raises(CassetteError, match="garbage.json"):
        Cassette.load(file)


def test_a_file_is_made_to_be_read(tmp_path):
    told = RecordedExchange(
        CHAT, 200, {"X-B": "2", "x-a": "1"}, (b'{"text": "hi\\u00e9",\n', b' "vector": [0.5, 0.25, 1], "none": null}\n')
    )
    cut = RecordedExchange(
        CHAT, 200, {}, ("data: é\n\n".encode()[:7], "data: é\n\n".encode()[7:], b"data: x\n\n"), "reset"
    )
    lost = RecordedExchange(CHAT, fault="lost")
    path = Cassette([told, cut, lost]).save(tmp_path / "deep" / "one.json")
    assert (
        path.read_text(encoding="utf-8")
        == """{
  "jackfield_cassette": 1,
  "exchanges": [
    {
      "request": {
        "method": "POST",
        "url": "https://far.test:443/v1/chat",
        "headers": {"content-type": "application/json"},
        "json": {"a": 1}
      },
      "reply": {
        "status": 200,
        "headers": {"x-a": "1", "x-b": "2"},
        "json": {"text": "hié", "vector": [0.5, 0.25, 1], "none": null}
      }
    },
    {
      "request": {
        "method": "POST",
        "url": "https://far.test:443/v1/chat",
        "headers": {"content-type": "application/json"},
        "json": {"a": 1}
      },
      "reply": {
        "status": 200,
        "headers": {},
        "pieces": [{"base64": "ZGF0YTogww=="}, {"base64": "qQoK"}, "data: x\\n\\n"]
      },
      "fault": "reset"
    },
    {
      "request": {
        "method": "POST",
        "url": "https://far.test:443/v1/chat",
        "headers": {"content-type": "application/json"},
        "json": {"a": 1}
      },
      "fault": "lost"
    }
  ]
}
"""
    )
    loaded = Cassette.load(path)
    assert loaded.path == path
    assert loaded.exchanges[1:] == [cut, lost]
    assert loaded.exchanges[0].body == '{"text":"hié","vector":[0.5,0.25,1],"none":null}'.encode()
    assert loaded.exchanges[0].headers == {"x-a": "1", "x-b": "2"}
    assert str(loaded.exchanges[0]) == "POST https://far.test:443/v1/chat"
    assert [file.name for file in path.parent.iterdir()] == ["one.json"]


def test_white_space_before_json_is_kept_since_it_may_be_a_sign_of_life(tmp_path):
    waited = RecordedExchange(CHAT, 200, {}, (b"\n", b"\n", b'{"a": 1}'))
    path = Cassette([waited]).save(tmp_path / "one.json")
    assert Cassette.load(path).exchanges == [waited]


def test_a_vector_stands_in_one_line_and_what_is_no_json_is_text():
    numbers = ", ".join(["0.125"] * 300)
    text = str(Cassette([RecordedExchange(CHAT, 200, {}, (f'{{"vector": [{numbers}], "n": 1}}'.encode(),))]))
    assert f'          "vector": [{numbers}],\n' in text
    assert '"text": "[NaN]"' in str(Cassette([RecordedExchange(CHAT, 200, {}, (b"[NaN]",))]))


def test_what_is_nested_very_deep_is_text(tmp_path):
    for depth in (90, 110, 50_000):
        deep = RecordedExchange(CHAT, 200, {}, (b"[" * depth + b"]" * depth,))
        path = Cassette([deep]).save(tmp_path / "one.json")
        assert ('"text": "[[' in path.read_text()) is (depth > 100)
        assert Cassette.load(path).exchanges == [deep]


GOOD = Cassette([RecordedExchange(CHAT, 200, {"x-a": "1"}, (b"hello",)), RecordedExchange(CHAT, fault="lost")])


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('"jackfield_cassette": 1', '"jackfield_cassette": 2', 2, "expected the version of this format.*: 1, got 2"),
        ('  "jackfield_cassette": 1,\n', "", 1, "expected the version.*got none"),
        ('"status": 200', '"status": "200"', 12, r"exchanges\[0\].reply.status: expected a whole number, got '200'"),
        (
            '"status": 200',
            '"status": 99',
            12,
            r"exchanges\[0\].reply.status: expected an HTTP status from 100 to 599, got 99",
        ),
        ('"status"', '"statos"', 12, r"exchanges\[0\].reply.statos: no such key; did you mean 'status'\?"),
        ('"text": "hello"', '"text": 5', 14, r"exchanges\[0\].reply.text: expected text, got 5"),
        ('"text": "hello"', '"base64": "!"', 14, r"exchanges\[0\].reply.base64: expected base64"),
        ('"text": "hello"', '"text": "\\ud800"', 14, r"reply.text: half of a surrogate pair is no text"),
        ('"text": "hello"', '"json": ["\\ud800"]', 14, r"reply.json: it holds what JSON cannot carry"),
        ('"text": "hello"', '"text": "a", "json": [1]', 14, r"reply.text: there is json as well; expected one of them"),
        ('"text": "hello"', '"text": "a", "pieces": []', 14, r"reply.pieces: there is a whole body as well"),
        ('"text": "hello"', '"pieces": ["a", 3]', 14, r"reply.pieces\[1\]: expected text or a table, got 3"),
        ('"text": "hello"', '"pieces": ["a",\n{"base64": "?"}]', 15, r"reply.pieces\[1\]: expected base64"),
        ('"x-a": "1"', '"x-a": 1', 13, r"reply.headers.x-a: expected text, got 1"),
        ('"fault": "lost"', '"fault": "gone"', 24, r"exchanges\[1\].fault: expected one of refused, .*, got 'gone'"),
        ('"fault": "lost"', '"fault": "reset"', 24, r"exchanges\[1\].fault: expected a reply, or a fault .*got reset"),
        (
            '"text": "hello"\n      }',
            '"text": "hello"\n      },\n"fault": "lost"',
            16,
            r"fault: expected a fault inside the reply",
        ),
        (
            '"method": "POST",\n        "url": "https',
            '"method": "POST",\n        "url": "//',
            7,
            r"request.url: expected one like",
        ),
        ('"request": {', '"request": 7, "x": {', 5, r"exchanges\[0\].x: no such key; known: fault, reply, request"),
        ('  "exchanges": [', '  "exchanges": 7, "more": [', 3, r"more: no such key"),
        (
            '"headers": {"x-a": "1"},\n        "text"',
            '"headers": {"x-a": "1"}\n        "text"',
            14,
            "not valid JSON: Expecting ','",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, old, new, line, message):
    text = str(GOOD)
    assert old in text
    file = tmp_path / "edited.json"
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(CassetteError, match=rf"edited.json, line {line}: .*{message}"):
        Cassette.load(file)


@pytest.mark.parametrize("cut", range(0, len(str(GOOD)) - 2, 37))
def test_a_truncated_file_is_told_with_its_line(tmp_path, cut):
    file = tmp_path / "cut.json"
    file.write_text(str(GOOD)[:cut])
    with pytest.raises(CassetteError, match=r"cut.json, line \d+: (not valid JSON|expected)"):
        Cassette.load(file)


def test_files_that_cannot_be_read_or_written(tmp_path):
    with pytest.raises(CassetteError, match="missing.json: cannot be read: No such file"):
        Cassette.load(tmp_path / "missing.json")
    (tmp_path / "bytes.json").write_bytes(b"{\n\xff")
    with pytest.raises(CassetteError, match="bytes.json, line 2: not text in UTF-8"):
        Cassette.load(tmp_path / "bytes.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(CassetteError, match="deep.json: not valid JSON: it is nested too deeply"):
        Cassette.load(tmp_path / "deep.json")
    with pytest.raises(CassetteError, match="path: expected the file to write to"):
        GOOD.save()
    (tmp_path / "file").write_text("x")
    with pytest.raises(CassetteError, match="one.json: cannot be written"):
        GOOD.save(tmp_path / "file" / "one.json")


def test_a_cassette_is_saved_where_it_was_read(tmp_path):
    path = Cassette(GOOD.exchanges).save(tmp_path / "one.json")
    loaded = Cassette.load(path)
    del loaded.exchanges[1:]
    assert loaded.save() == path
    assert len(Cassette.load(path).exchanges) == 1
