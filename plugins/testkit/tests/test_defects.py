"""A new package passes its suite; with any of these defects it does not, and is told what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from jackfield_testkit.scaffold import generate

pytest.importorskip("jinja2")


class Defect(NamedTuple):
    """What is replaced by what, and what the suite must say."""

    old: str
    new: str
    said: str


PROVIDER = {
    "a dropped field": Defect(
        '"max_output_tokens": "max_tokens", "stop": "stop"}.items():',
        '"max_output_tokens": "max_tokens"}.items():\n            fields.take("stop")',
        "stop=('probe-7c31',) is dropped in silence",
    ),
    "a field that is dropped where it is 0": Defect(
        "if (value := fields.take(ours)) is not None:",
        "if value := fields.take(ours):",
        "temperature=0 is dropped in silence",
    ),
    "a value that is changed": Defect(
        "else value\n", "else round(value, 1)\n", "the value 0.371 is in nothing that was sent"
    ),
    "a part of a message that is dropped": Defect(
        'call.report(f"{place}.parts[{index}]", f"the service takes text, and no {type(part).__name__}")',
        "pass",
        "messages (image-url) is dropped in silence",
    ),
    "a dictionary of the caller that is changed": Defect(
        'body.update(fields.take("extra_body") or {})',
        'extra = fields.take("extra_body") or {}\n        body.update(extra)\n        extra and extra.popitem()',
        "the provider changed extra_body of the caller",
    ),
    "a body that is another each time": Defect(
        '"stream": call.streaming}',
        '"stream": call.streaming, "nonce": __import__("time").time_ns()}',
        "the same request was sent as",
    ),
    "an invented finish": Defect(
        'raise TruncatedStreamError("the stream ended without [DONE]")',
        'yield Finished(Finish("stop", None))',
        "counts as complete",
    ),
    "an unknown finish that counts as an end": Defect(
        'FINISHES.get(reason, "other")', 'FINISHES.get(reason, "stop")', "the finish reason 'unheard-of' must be"
    ),
    "a lost last event": Defect(
        "found += read_end(chunk, raw=None if found else payload)",
        "found += [one for one in read_end(chunk, payload) if isinstance(one, Finished)]",
        "`usage` must be Usage(input_tokens=3, output_tokens=5); it is None",
    ),
    "bytes that must come in whole lines": Defect(
        "for event in self._events.feed(data):\n            yield from self._read(event.data)",
        'for event in data.decode().split("\\n\\n"):\n            if event:\n'
        "                yield from self._read(event[6:])",
        "bytes, the events are",
    ),
    "an unknown field that is lost": Defect(
        'model=take(reply, "model", str), raw=payload)', 'model=take(reply, "model", str))', "the unknown field is lost"
    ),
    "a reply that must be as expected": Defect(
        'take(reply, "text", str) or ""', 'reply["text"]', "the provider failed with KeyError('text')"
    ),
    "an end that nothing bounds": Defect(
        "field(factory=SseDecoder, init=False)",
        "field(factory=lambda: SseDecoder(2**40), init=False)",
        "must be a LimitExceededError",
    ),
    "a status that means nothing": Defect(
        "made = error_class(response.status)(message", "made = ServerError(message", "it must be AuthenticationError"
    ),
    "a wait that is not read": Defect(
        "made.retry_after = retry_after(response.headers)\n", "\n", "`retry_after` must be 7.0; it is None"
    ),
    "a key in a repr": Defect(
        "        credential = None if",
        "        self.key = settings.api_key and settings.api_key.reveal()\n        credential = None if",
        "the credential shows in the repr of a dict",
    ),
    "a key in a path": Defect(
        'self.post("/chat",',
        'self.post(f"/chat?key={self.endpoint.credential.resolve().reveal()}",',
        "the request holds the credential",
    ),
    "a provider that asks again": Defect(
        'head = yield self.post("/chat", self.body_of(call), accept=accept)',
        'try:\n            head = yield self.post("/chat", self.body_of(call), accept=accept)\n'
        '        except ServerError:\n            head = yield self.post("/chat", self.body_of(call), accept=accept)',
        "a provider never retries",
    ),
}

LOOP = "            async for event in proceed(call):\n                yield event\n"
MIDDLEWARE = {
    "an error that is swallowed": Defect(
        LOOP, LOOP + "        except Exception:\n            return\n", "the caller must get the BadRequestError"
    ),
    "a last event that is lost": Defect(
        LOOP,
        "            held = None\n            async for event in proceed(call):\n                if held is not None:\n"
        "                    yield held\n                held = event\n",
        "it gives the events",
    ),
    "an event that comes twice": Defect(LOOP, LOOP + "                yield event\n", "it gives the events"),
    "an event without what it came from": Defect(
        "yield event\n", "yield __import__('attrs').evolve(event, raw=None)\n", "it gives events with another `raw`"
    ),
    "a request that is changed": Defect(
        "proceed(call):",
        "proceed(call.evolve(request=__import__('attrs').evolve(call.request, unsupported='drop'))):",
        "and not once what the caller asked",
    ),
    "a context variable that leaks": Defect(
        "        begun = ", "        LEAK.set(1)\n        begun = ", "the caller sees the context variable leak changed"
    ),
    "a lock across a yield": Defect(
        "        try:\n", "        LOCK.acquire()\n        try:\n", "another call waits for ever"
    ),
    "an event loop that is awaited": Defect(
        "        begun = ", "        await __import__('asyncio').sleep(0)\n        begun = ", "BlockingAwaitError"
    ),
    "a retry after the first event": Defect(
        LOOP,
        "            for attempt in range(2):\n                try:\n"
        "                    async for event in proceed(call):\n"
        "                        yield event\n                    break\n                except Exception:\n"
        "                    if attempt:\n                        raise\n",
        "never once more after an event was delivered",
    ),
    "a cancellation that is swallowed": Defect(
        LOOP,
        LOOP + "        except BaseException as error:\n            if isinstance(error, Exception):\n"
        "                raise\n            return\n",
        "never swallow a cancellation",
    ),
}
MIDDLEWARE_TOP = (
    "\nfrom contextvars import ContextVar\nfrom threading import Lock\n\nLEAK = ContextVar('leak', default=0)\n"
)

STORE = {
    "a value that can be seen half written": Defect(
        "            Path(path).replace(self._path(key))",
        "            Path(path).unlink()\n            with self._path(key).open('wb') as file:\n"
        "                for byte in value:\n                    file.write(bytes([byte]))\n"
        "                    file.flush()",
        "with four threads at once",
    ),
    "a value of another type": Defect(
        "return self._path(key).read_bytes()", "return bytearray(self._path(key).read_bytes())", "a value is `bytes`"
    ),
    "an error where there is nothing": Defect(
        "            return None\n", "            raise KeyError(key)\n", "what was never set is None"
    ),
    "keys that are cut": Defect('f"{key}.value"', 'f"{key[:8]}.value"', "`items` gives every key with its value"),
    "sums that are not added up": Defect(
        "self._sums.get(name, 0) + number", "number", "`add` adds to the sums that `stats` gives"
    ),
    "a delete that takes all": Defect(
        "        self._path(key).unlink(missing_ok=True)",
        "        for path in self._folder.glob('*'):\n            path.unlink()",
        "what was not deleted is still there",
    ),
    "sums that outlive a clear": Defect("            self._sums.clear()", "            pass", "`clear` leaves no sum"),
    "a store that is closed for good": Defect(
        '        """There is nothing to give back."""', "        self._folder = None", "it works after `close`, too"
    ),
}

CASES = [
    *(pytest.param("provider", "provider.py", defect, id=name) for name, defect in PROVIDER.items()),
    *(pytest.param("middleware", "__init__.py", defect, id=name) for name, defect in MIDDLEWARE.items()),
    *(pytest.param("store", "__init__.py", defect, id=name) for name, defect in STORE.items()),
]


def package(kind: str, folder: Path) -> Path:
    """A new package, and beside it what an installer would write, so that it is found without one."""
    generate(kind, "acme", folder / "project")  # type: ignore[arg-type]
    group = {"provider": "providers", "middleware": "middleware", "store": "stores"}[kind]
    metadata = folder / "project/src/jackfield_acme-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: jackfield-acme\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text(f"[jackfield.{group}]\nacme = jackfield_acme\n")
    return folder / "project"


def checked(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What pytest says of a package."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *options]
    environment = {**os.environ, "PYTHONPATH": str(project / "src"), "PYTEST_ADDOPTS": ""}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", ["provider", "middleware", "store"])
def test_a_new_package_passes(kind: str, tmp_path: Path) -> None:
    if kind == "store":
        pytest.importorskip("jackfield_cache")
    found = checked(package(kind, tmp_path))
    assert found.returncode == 0, found.stdout + found.stderr
    assert " passed" in found.stdout
    assert "skipped" not in found.stdout


@pytest.mark.parametrize(("kind", "file", "defect"), CASES)
def test_a_defect_is_found(kind: str, file: str, defect: Defect, tmp_path: Path) -> None:
    project = package(kind, tmp_path)
    path = project / "src/jackfield_acme" / file
    source = path.read_text()
    assert defect.old in source, "the scaffold has changed: so must this defect"
    source = source.replace(defect.old, defect.new)
    if kind == "middleware":
        source = source.replace("from attrs import", MIDDLEWARE_TOP + "LOCK = Lock()\nfrom attrs import", 1)
        if "LOCK.acquire" in source:
            source = source.replace("        finally:\n", "        finally:\n            LOCK.release()\n")
    path.write_text(source)
    found = checked(project, "-x")
    assert found.returncode == 1, found.stdout + found.stderr
    assert defect.said in found.stdout, found.stdout
