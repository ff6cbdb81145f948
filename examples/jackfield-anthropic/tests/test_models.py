"""Lists of models come page by page and are one list; a single model is asked for by its name."""

import json

import pytest

import jackfield as jf
from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.http import HttpResponse
from jackfield.operations import MODEL, MODELS, ModelRequest, ModelsRequest
from jackfield_testkit import FunctionNetwork


def client(answer, **config):
    settings = {"api_key": "sk-ant-test", **config}
    return jf.Client({"default": "anthropic", "providers": {"anthropic": settings}}, transport=FunctionNetwork(answer))


def test_pages_become_one_list(kit):
    seen = []

    def answer(request):
        seen.append(request.path)
        page = kit.wire / f"models_{len(seen)}.json"
        return HttpResponse(200, kit.headers, page.read_bytes())

    with client(answer) as asking:
        found = asking.models("anthropic")
    assert seen == ["/v1/models?limit=1000", "/v1/models?limit=1000&after_id=claude-haiku-4-5-20251001"]
    assert [model.id for model in found] == ["claude-opus-4-8", "claude-haiku-4-5-20251001", "claude-old"]
    opus, haiku, old = found
    assert (opus.name, opus.created, opus.context_length, opus.max_output_tokens) == (
        "Claude Opus 4.8",
        1779926400.0,
        1_000_000,
        128_000,
    )
    assert (haiku.context_length, old.name, old.created, old.owner) == (None, None, None, None)
    assert opus.raw["capabilities"] == {"batch": {"supported": True}}
    assert (found.request_id, len(found.raw)) == ("req_011", 2)


@pytest.mark.parametrize(
    "page",
    [
        {"data": [], "has_more": True, "last_id": None},
        {"data": [{"id": "a"}], "has_more": True, "last_id": "a"},
        {"data": {}, "has_more": False},
        [],
    ],
)
def test_a_list_that_does_not_end_or_is_none_is_an_error(page):
    asked = []

    def answer(request):
        asked.append(request)
        return HttpResponse(200, {}, json.dumps(page).encode())

    with client(answer) as asking, pytest.raises(MalformedReplyError):
        asking.models("anthropic")
    assert len(asked) <= 2


def test_a_list_of_endless_pages_is_bounded():
    asked = []

    def answer(request):
        asked.append(request)
        page = {"data": [], "has_more": True, "last_id": f"m{len(asked)}"}
        return HttpResponse(200, {}, json.dumps(page).encode())

    with client(answer) as asking, pytest.raises(MalformedReplyError, match="does not end: page 100"):
        asking.models("anthropic")
    assert len(asked) == 100


def test_one_model(kit):
    def answer(request):
        assert request.path == "/v1/models/claude%2Fodd%20name"
        return HttpResponse(200, kit.headers, b'{"type": "model", "id": "claude/odd name", "display_name": "Odd"}')

    with client(answer) as asking:
        found = asking.call(ModelRequest(model="anthropic:claude/odd name"))
    assert (found.info.id, found.info.name, found.request_id) == ("claude/odd name", "Odd", "req_011")


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"id": 7}'])
def test_what_is_no_model_is_an_error(body):
    with client(lambda request: HttpResponse(200, {}, body)) as asking, pytest.raises(MalformedReplyError):
        asking.call(ModelRequest(model="anthropic:claude-x"))


@pytest.mark.parametrize("name", ["..", ".", "\ud800"])
def test_a_name_that_leads_elsewhere_is_refused(kit, name):
    call = jf.Call(MODEL, ModelRequest(model="x"), jf.Target("anthropic", name), runtime=None)
    with pytest.raises(BadRequestError, match="no name of a model"):
        next(kit.provider().model(call))


def test_fields_that_no_list_can_carry_are_reported(kit):
    call = jf.Call(MODELS, ModelsRequest(extra_body={"a": 1}), jf.Target("anthropic", ""), runtime=None)
    with pytest.raises(jf.UnsupportedError, match="extra_body: the request has no body"):
        next(kit.provider().models(call))
