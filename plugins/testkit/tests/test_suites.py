"""What the suites are beside their cases: waivers, selection, the table, and a probe for every field."""

from __future__ import annotations

import subprocess
import sys

import pytest

from jackfield.operations import ChatRequest, CompleteRequest, EmbedRequest, ModelRequest, ModelsRequest
from jackfield_testkit.conformance import ProviderConformance
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
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        environment = {"PYTHONPATH": str(tmp_path / "src"), "PATH": ""}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.parametrize("request_", [ChatRequest, CompleteRequest, EmbedRequest, ModelsRequest, ModelRequest])
def test_each_field_has_a_probe(request_):
    assert missing_probes(request_) == []


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
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
