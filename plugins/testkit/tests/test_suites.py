"""What the suites are beside their cases: waivers, selection, the table, and a probe for every field."""

from __future__ import annotations

import re

import attrs
import pytest
from pytests import pytest_run

from jackfield.errors import LimitExceededError
from jackfield.http import HttpResponse, read_json
from jackfield.operations import MODELS, ChatRequest, CompleteRequest, EmbedRequest, ModelRequest, ModelsRequest
from jackfield.provider import Endpoint, HttpProvider, serves
from jackfield.types import ModelInfo, ModelListed, Start
from jackfield_testkit.conformance import ProviderConformance, Sample
from jackfield_testkit.conformance._exchanges import AskedForMoreError, Outcome
from jackfield_testkit.conformance._probes import missing_probes
from jackfield_testkit.scaffold import generate


@pytest.fixture
def acme(tmp_path):
    """A new provider, whose suite can be run with further lines in its class."""
    generate("provider", "acme", tmp_path)
    tests = tmp_path / "tests/test_conformance.py"
    source = tests.read_text().replace(
        'plugin = "acme"\n', 'plugin = "acme"\n    plugins = {"provider": {"acme": jackfield_acme}}\n'
    )
    source = source.replace("from jackfield.errors", "import jackfield_acme\n\nfrom jackfield.errors", 1)

    def run(lines="", *options, without="nothing"):
        text = source.replace("    samples = [", f"{lines}\n    samples = [", 1)
        tests.write_text(text.replace(f"    {without} = [", "    others = ["))
        return pytest_run(tmp_path, *options, path=tmp_path / "src")

    return run


@pytest.mark.parametrize("request_", [ChatRequest, CompleteRequest, EmbedRequest, ModelsRequest, ModelRequest])
def test_each_field_has_a_probe(request_):
    assert missing_probes(request_) == []


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")])
def test_a_waiver_that_is_needed_is_listed(acme, workers):
    waivers = "    waivers = {'has_refusals': 'the service documents none'}\n"
    status, told = acme(waivers, "-k", "refusals or waivers", *workers, without="refusals")
    assert status == 0, told
    assert "waived cases of the conformance suites" in told
    assert "test_has_refusals: the service documents none" in told


def test_a_waiver_that_is_not_needed_fails(acme):
    name = "field_is_sent_or_reported[chat-stop]"
    status, told = acme(f"    waivers = {{{name!r}: 'it is hard'}}", "-k", "stop")
    assert status == 1
    assert "[XPASS(strict)] it is hard" in told


def test_a_waiver_of_a_whole_case_need_not_be_for_every_variant(acme):
    status, told = acme("    waivers = {'field_is_sent_or_reported': 'it is hard'}", "-k", "stop or waivers")
    assert status == 0
    assert re.search(r"^\d+ passed, \d+ deselected", told.splitlines()[-1])
    assert "test_field_is_sent_or_reported: it is hard" in told


def test_a_waiver_of_no_case_fails(acme):
    status, told = acme("    waivers = {'truncation': 'it is hard'}", "-k", "waivers")
    assert status == 1
    assert "waivers['truncation']: there is no such case; there are " in told


def test_a_waiver_without_a_reason_fails(acme):
    status, told = acme("    waivers = {'truncation_is_an_error': ' '}", "-k", "waivers")
    assert status == 1
    assert "waivers['truncation_is_an_error']: say why" in told


def test_the_table_says_what_becomes_of_each_field(acme):
    status, told = acme("", "-k", "waivers", "--jackfield-support")
    assert status == 0
    assert "| `temperature` | sent |" in told
    assert "| `top_k` | reported |" in told
    assert "| image-url | reported |" in told


def test_an_operation_without_a_sample_fails(acme):
    status, told = acme("", "-k", "has_a_sample")
    assert status == 0, told

    class Empty(ProviderConformance):
        pass

    with pytest.raises(AssertionError, match="the provider serves 'embed': give a `Sample`"):
        Empty().test_operation_has_a_sample("embed")


class Pages(HttpProvider):
    """Lists models page by page: only the body of a page says whether another follows."""

    @serves(MODELS)
    def models(self, call):
        names = []
        while True:
            page = yield attrs.evolve(self.get(f"/models?after={len(names)}"), read=True)
            found = read_json(page.body)
            names += found.get("data") or []
            if not found.get("more"):
                break
        return Listed([ModelListed(ModelInfo(str(name))) for name in names])


@attrs.define
class Listed:
    events: list
    done: bool = False

    def feed(self, data):
        raise AssertionError("the page was read already")

    def end(self):
        return [Start(), *self.events]


def test_a_list_whose_pages_are_read_whole_can_be_held():
    first = HttpResponse(200, {}, b'{"data": ["a"], "more": true}')
    provider = Pages("acme", Endpoint.parse("http://127.0.0.1"))
    sample = Sample(name="pages", request=ModelsRequest(), first=[first], reply={"data": ["b"]}, says={})
    outcome = Outcome(provider, sample, [b'{"data"', b': ["b"]}'], streaming=False)
    assert [model.id for model in outcome.response] == ["a", "b"]
    with pytest.raises(AskedForMoreError, match="put the others into `first`"):
        Outcome(provider, sample, [first.body], streaming=False)
    endless = Outcome(provider, sample, [b" " * (1 << 20)] * 80, streaming=False)
    assert isinstance(endless.error, LimitExceededError)
