"""The fixture of cassettes, as the author of a test uses it."""

import subprocess
import sys
import textwrap

import pytest
from pytests import pytest_ran

from jackfield.http import HttpRequest
from jackfield_testkit.cassettes import Cassette, RecordedExchange

FIRST = """
    import pytest
    from lines import options

    class Far:
        url = "https://far.test/v1"

"""
ASKED = HttpRequest(
    "POST",
    "/v1/chat",
    {"accept": "application/json", "content-type": "application/json"},
    '{"hello":"wörld"}'.encode(),
    origin="https://far.test:443",
)
ONE = RecordedExchange(ASKED, 200, {}, (b"a\nb\n.\n",))


@pytest.fixture
def folder(tmp_path):
    """Puts a file of tests into a folder, and cassettes beside it."""

    def made(body, conftest="", **cassettes):
        (tmp_path / "test_hello.py").write_text(textwrap.dedent(FIRST) + textwrap.dedent(body))
        (tmp_path / "conftest.py").write_text(textwrap.dedent(conftest))
        for name, exchanges in cassettes.items():
            Cassette(list(exchanges)).save(tmp_path / "cassettes" / f"{name.replace('__', '.')}.json")
        return tmp_path

    return made


def test_names_come_from_the_module_the_class_and_the_test(folder):
    body = """
        def test_one(jackfield_cassette):
            assert jackfield_cassette.path.name == "test_hello.test_one.json"
            assert not jackfield_cassette.recording
            client = jackfield_cassette.client(**options(Far))
            assert client.chat("x").text == "ab"

        class TestMore:
            @pytest.mark.parametrize("n", [1.5])
            def test_two(self, jackfield_cassette, n):
                assert jackfield_cassette.client(**options(Far)).chat("x").text == "ab"

        @pytest.mark.jackfield_cassette("mine", match="any")
        def test_three(jackfield_cassette):
            import anyio
            async def main():
                async with jackfield_cassette.async_client(**options(Far)) as client:
                    return (await client.chat("x")).text
            assert anyio.run(main) == "ab"

        @pytest.mark.jackfield_cassette(name="mine.json")
        def test_four(jackfield_cassette):
            from jackfield import Client
            with Client(transport=jackfield_cassette.transport, **options(Far)) as client:
                assert client.chat("x").text == "ab"
    """
    names = ("test_hello__test_one", "test_hello__TestMore__test_two-1-5", "mine")
    made = folder(body, **{name: [ONE] for name in names})
    assert "4 passed" in pytest_ran(made, "--strict-markers")
    assert "4 passed" in pytest_ran(made, JACKFIELD_RECORD="replay")
    assert "4 passed" in pytest_ran(made, "--jackfield-record=once")


def test_a_missing_cassette_says_how_to_record_it(folder):
    made = folder("def test_one(jackfield_cassette): pass\n")
    told = pytest_ran(made, passed=False)
    assert (
        "test_hello.test_one.json: there is no such cassette; to record it against the live service: pytest --jack"
        in told
    )
    assert "Traceback" not in told
    assert not (made / "cassettes").exists()


def test_a_test_that_asks_something_else_fails_even_where_it_catches_the_error(folder):
    body = """
        def test_one(jackfield_cassette):
            import jackfield
            with pytest.raises(jackfield.JackfieldError):
                jackfield_cassette.client(**options(Far)).chat("x")
    """
    other = RecordedExchange(HttpRequest("POST", "/v1/other", {}, b"", origin="https://far.test:443"), 200)
    told = pytest_ran(folder(body, test_hello__test_one=[other]), passed=False)
    assert "exchange 1 is not what was asked, POST https://far.test:443/v1/chat:" in told
    assert 'path: recorded "/v1/other", asked "/v1/chat"' in told
    assert "1 passed, 1 error" in told


def test_a_test_that_fails_is_not_told_twice(folder):
    body = """
        def test_one(jackfield_cassette):
            jackfield_cassette.client(**options(Far)).chat("x")

        def test_two(jackfield_cassette):
            assert False, "by itself"

        def test_three(jackfield_cassette):
            pass
    """
    other = RecordedExchange(HttpRequest("POST", "/v1/other", {}, b"", origin="https://far.test:443"), 200)
    made = folder(body, test_hello__test_one=[other], test_hello__test_two=[ONE], test_hello__test_three=[ONE])
    told = pytest_ran(made, passed=False)
    assert "2 failed, 1 passed, 1 error" in told
    assert 'path: recorded "/v1/other", asked "/v1/chat"' in told
    assert told.count("not played") == told.count("test_hello.test_three.json: not played") > 0


def test_what_is_left_unplayed_is_reported(folder):
    told = pytest_ran(folder("def test_one(jackfield_cassette): pass\n", test_hello__test_one=[ONE]), passed=False)
    assert "not played:\n  POST https://far.test:443/v1/chat" in told.replace("E   ", "").replace("E ", "")


def test_an_author_scrubs_more(folder):
    body = """
        def test_one(jackfield_cassette, jackfield_scrub):
            assert jackfield_scrub.patterns == ("hello",)
            jackfield_cassette.client(**options(Far)).chat("x")
    """
    conftest = """
        import pytest
        from jackfield_testkit.cassettes import Scrub

        @pytest.fixture
        def jackfield_scrub():
            return Scrub(patterns=["hello"])
    """
    from jackfield_testkit.cassettes import Scrub

    scrubbed = Scrub(patterns=["hello"]).exchange(ONE)
    assert scrubbed != ONE
    assert "1 passed" in pytest_ran(folder(body, conftest, test_hello__test_one=[scrubbed]))


def test_wrong_use_is_told(folder):
    made = folder("def test_one(jackfield_cassette): pass\n", test_hello__test_one=[])
    assert "1 passed" in pytest_ran(made)
    told = pytest_ran(made, "--jackfield-record=never", passed=False)
    assert "'never' (choose from" in told
    told = pytest_ran(made, passed=False, JACKFIELD_RECORD="never")
    assert "JACKFIELD_RECORD: expected one of replay, once, rewrite, got 'never'" in told
    made = folder("@pytest.mark.jackfield_cassette(match='some')\ndef test_one(jackfield_cassette): pass\n")
    told = pytest_ran(made, "--jackfield-record=once", passed=False)
    assert "match: expected one of order, any, got 'some'" in told
    made = folder("def test_one(jackfield_cassette): pass\n")
    (made / "cassettes" / "test_hello.test_one.json").write_text("{")
    assert "test_one.json, line 1: not valid JSON" in pytest_ran(made, passed=False)
    assert "jackfield_cassette(name=None, match=" in pytest_ran(made, "--markers")


def test_a_run_without_the_fixture_imports_nothing_for_it():
    code = "import sys, jackfield_testkit.pytest_plugin; print(sorted(n for n in sys.modules if 'jackfield' in n))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "['jackfield_testkit', 'jackfield_testkit.pytest_plugin']"


def test_the_package_knows_its_names():
    import jackfield_testkit

    assert set(dir(jackfield_testkit)) == set(jackfield_testkit.__all__)
    assert jackfield_testkit.Simulation.__module__ == "jackfield_testkit.simulation"
    assert all(getattr(jackfield_testkit, name) is not None for name in jackfield_testkit.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = jackfield_testkit.Nothing
