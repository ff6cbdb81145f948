"""A new package passes its suite; with any of these defects it does not, and is told what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from pytests import pytest_ran, pytest_run

from jackfield_testkit.scaffold import generate

pytest.importorskip("jinja2")


class Defect(NamedTuple):
    """What is replaced by what, the case that finds it, and what that must say."""

    case: str
    old: str
    new: str
    said: str


PROVIDER = {
    "a dropped field": Defect(
        "field_is_sent",
        '"max_output_tokens": "max_tokens", "stop": "stop"}.items():',
        '"max_output_tokens": "max_tokens"}.items():\n            fields.take("stop")',
        "stop=('probe-7c31',) is dropped in silence",
    ),
    "a field that is dropped where it is 0": Defect(
        "field_is_sent",
        "if (value := fields.take(ours)) is not None:",
        "if value := fields.take(ours):",
        "temperature=0 is dropped in silence",
    ),
    "a value that is changed": Defect(
        "field_is_sent", "else value\n", "else round(value, 1)\n", "the value 0.371 is in nothing that was sent"
    ),
    "a part of a message that is dropped": Defect(
        "message_is_sent",
        'call.report(f"{place}.parts[{index}]", f"the service takes text, and no {type(part).__name__}")',
        "pass",
        "messages (image-url) is dropped in silence",
    ),
    "a dictionary of the caller that is changed": Defect(
        "what_the_caller_holds",
        'body.update(fields.take("extra_body") or {})',
        'extra = fields.take("extra_body") or {}\n        body.update(extra)\n        extra and extra.popitem()',
        "the provider changed extra_body of the caller",
    ),
    "a body that is another each time": Defect(
        "same_each_time",
        '"stream": call.streaming}',
        '"stream": call.streaming, "nonce": __import__("time").time_ns()}',
        "the same request was sent as",
    ),
    "an invented finish": Defect(
        "truncation",
        'raise TruncatedStreamError("the stream ended without [DONE]")',
        'yield Finished(Finish("stop", None))',
        "counts as complete",
    ),
    "an unknown finish that counts as an end": Defect(
        "unknown_finish",
        'FINISHES.get(reason, "other")',
        'FINISHES.get(reason, "stop")',
        "the finish reason 'unheard-of' must be",
    ),
    "a lost last event": Defect(
        "reply_says",
        "found += read_end(chunk, raw=None if found else payload)",
        "found += [one for one in read_end(chunk, payload) if isinstance(one, Finished)]",
        "`usage` must be Usage(input_tokens=3, output_tokens=5); it is None",
    ),
    "bytes that must come in whole lines": Defect(
        "cuts_change",
        "for event in self._events.feed(data):\n            yield from self._read(event.data)",
        'for event in data.decode().split("\\n\\n"):\n            if event:\n'
        "                yield from self._read(event[6:])",
        "bytes, the events are",
    ),
    "an unknown field that is lost": Defect(
        "unknown_fields",
        'model=take(reply, "model", str), raw=payload)',
        'model=take(reply, "model", str))',
        "the unknown field is lost",
    ),
    "a reply that must be as expected": Defect(
        "twisted_reply", 'take(reply, "text", str) or ""', 'reply["text"]', "the provider failed with KeyError('text')"
    ),
    "an end that nothing bounds": Defect(
        "endless_reply",
        "field(factory=SseDecoder, init=False)",
        "field(factory=lambda: SseDecoder(2**40), init=False)",
        "must be a LimitExceededError",
    ),
    "a status that means nothing": Defect(
        "refusal_is_its_error",
        "made = error_class(response.status)(message",
        "made = ServerError(message",
        "it must be AuthenticationError",
    ),
    "a wait that is not read": Defect(
        "refusal_is_its_error",
        "made.retry_after = retry_after(response.headers)\n",
        "\n",
        "`retry_after` must be 7.0; it is None",
    ),
    "a key in a repr": Defect(
        "secret_stays",
        "        credential = None if",
        "        self.key = settings.api_key and settings.api_key.reveal()\n        credential = None if",
        "the credential shows in the repr of a dict",
    ),
    "a key in a path": Defect(
        "stays_at_home",
        'self.post("/chat",',
        'self.post(f"/chat?key={self.endpoint.credential.resolve().reveal()}",',
        "the request holds the credential",
    ),
    "a provider that asks again": Defect(
        "refusal_passes",
        'head = yield self.post("/chat", self.body_of(call), accept=accept)',
        'try:\n            head = yield self.post("/chat", self.body_of(call), accept=accept)\n'
        '        except ServerError:\n            head = yield self.post("/chat", self.body_of(call), accept=accept)',
        "a provider never retries",
    ),
    "a model that is always the same": Defect(
        "model_is_sent", '"model": call.target.model', '"model": "acme-1"', "the model is dropped in silence"
    ),
    "an order that is another in each process": Defect(
        "another_process",
        "list(value) if isinstance(value, tuple)",
        "list({*value, 'a', 'b', 'c', 'd'}) if isinstance(value, tuple)",
        "give what is in a set an order",
    ),
    "a key in base64": Defect(
        "stays_at_home",
        'self.post("/chat",',
        "self.post('/chat?user=' + __import__('base64').b64encode("
        'b"u:" + self.endpoint.credential.resolve().reveal().encode()).decode(),',
        "the request holds the credential",
    ),
    "a part of a message that is changed": Defect(
        "message_is_sent",
        '    for name in ("name", "cache"):',
        '    [part.raw.clear() for part in message.parts if hasattr(part, "raw")]\n    for name in ("name", "cache"):',
        "the provider changed the caller's messages (unknown-part)",
    ),
    "lines that must end in LF": Defect(
        "spelling_changes",
        "self._events.feed(data)",
        'self._events.feed(data.replace(b"\\r", b""))',
        "with lines that end in CR, the events are",
    ),
    "a content type that must be bare": Defect(
        "spelling_changes",
        'head.content_type == "text/event-stream"',
        'head.headers["content-type"] == "text/event-stream"',
        "with the content type 'text/event-stream; charset=utf-8'",
    ),
    "data that must be on one line": Defect(
        "spelling_changes",
        "yield from self._read(event.data)",
        'yield from self._read(event.data.split("\\n")[0])',
        "with data on several lines, the events are",
    ),
    "bytes that must be whole characters": Defect(
        "any_language",
        "self._events.feed(data)",
        'self._events.feed(data.decode(errors="ignore").encode())',
        "byte by byte, text of other alphabets gives the events",
    ),
    "lines that end where they do not": Defect(
        "any_language",
        "yield from self._read(event.data)",
        'yield from self._read(" ".join(event.data.splitlines()))',
        "is not as it was",
    ),
    "white space that is dropped": Defect(
        "any_language",
        'if text := take(chunk, "text", str):',
        'if (text := take(chunk, "text", str)) and text.strip():',
        "with a piece ' \\n' the text must be",
    ),
    "a decoder that two calls share": Defect(
        "side_by_side",
        "return StreamReply() if",
        'self.__dict__.setdefault("reply", StreamReply()).done = False\n        return self.reply if',
        "of two calls at once, one gets another reply than alone",
    ),
    "a number that is too large": Defect(
        "twisted_reply",
        'take(usage, "out", int))',
        'None if take(usage, "out", int) is None else int(float(take(usage, "out", int))))',
        "is 10**309, the provider failed with OverflowError",
    ),
    "a message that is no text": Defect(
        "status_is_a_typed_error",
        'take(payload, "message", str), take(payload, "code", str)',
        'payload.get("message"), take(payload, "code", str)',
        "the error's message must be a text",
    ),
    "a wait that must be a number": Defect(
        "status_is_a_typed_error",
        "made.retry_after = retry_after(response.headers)",
        'made.retry_after = float(response.headers.get("retry-after", 0))',
        "with Retry-After 'soon': `error` failed with ValueError",
    ),
    "a wait that must be in seconds": Defect(
        "status_is_a_typed_error",
        "made.retry_after = retry_after(response.headers)",
        'wait = response.headers.get("retry-after", "")\n'
        "        made.retry_after = float(wait) if wait.isdigit() else None",
        "with Retry-After 120 s after its Date; the error says None",
    ),
}

LOOP = "            async for event in proceed(call):\n                yield event\n"
MIDDLEWARE = {
    "an error that is swallowed": Defect(
        "error_passes",
        LOOP,
        LOOP + "        except Exception:\n            return\n",
        "the caller must get the BadRequestError",
    ),
    "a last event that is lost": Defect(
        "reply_passes",
        LOOP,
        "            held = None\n            async for event in proceed(call):\n                if held is not None:\n"
        "                    yield held\n                held = event\n",
        "it gives the events",
    ),
    "an event that comes twice": Defect(
        "reply_passes", LOOP, LOOP + "                yield event\n", "it gives the events"
    ),
    "an event without what it came from": Defect(
        "reply_passes",
        "yield event\n",
        "yield __import__('attrs').evolve(event, raw=None)\n",
        "it gives events with another `raw`",
    ),
    "a request that is changed": Defect(
        "reply_passes",
        "proceed(call):",
        "proceed(call.evolve(request=__import__('attrs').evolve(call.request, unsupported='drop'))):",
        "and not once what the caller asked",
    ),
    "a context variable that leaks": Defect(
        "reply_passes",
        "        begun = ",
        "        LEAK.set(1)\n        begun = ",
        "the caller sees the context variable leak changed",
    ),
    "a lock across a yield": Defect(
        "nothing_is_held", "        try:\n", "        LOCK.acquire()\n        try:\n", "another call waits for ever"
    ),
    "an event loop that is awaited": Defect(
        "reply_passes",
        "        begun = ",
        "        await __import__('asyncio').sleep(0)\n        begun = ",
        "BlockingAwaitError",
    ),
    "a retry after the first event": Defect(
        "error_in_the_middle",
        LOOP,
        "            for attempt in range(2):\n                try:\n"
        "                    async for event in proceed(call):\n"
        "                        yield event\n                    break\n                except Exception:\n"
        "                    if attempt:\n                        raise\n",
        "never once more after an event was delivered",
    ),
    "a cancellation that is swallowed": Defect(
        "cancelled_call",
        LOOP,
        LOOP + "        except BaseException as error:\n            if isinstance(error, Exception):\n"
        "                raise\n            return\n",
        "never swallow a cancellation",
    ),
    "events that it does not know": Defect(
        "every_kind_of_event",
        LOOP,
        "            async for event in proceed(call):\n"
        "                if type(event).__name__ in ('Start', 'TextDelta', 'Finished', 'UsageReported'):\n"
        "                    yield event\n",
        "the response is",
    ),
    "events that are held back": Defect(
        "events_come",
        LOOP,
        "            for event in [event async for event in proceed(call)]:\n                yield event\n",
        "give each event as it comes",
    ),
    "an error without its facts": Defect(
        "error_passes",
        LOOP,
        LOOP + "        except Exception as error:\n            raise type(error)(error.args[0]) from None\n",
        "the error's `status` is None; without it, it is 400",
    ),
    "a call that another call replaces": Defect(
        "many_at_once",
        LOOP,
        "            vars(type(self)).get('calls') is None and setattr(type(self), 'calls', [])\n"
        "            self.calls.append(call)\n            await call.runtime.sleep(0.01)\n"
        "            async for event in proceed(self.calls[-1]):\n                yield event\n",
        "and its own reply was",
    ),
    "a model in the place of another": Defect(
        "reply_passes",
        "proceed(call):",
        "proceed(call.evolve(request=__import__('attrs').evolve(call.request, model='other'))):",
        "and not once what the caller asked",
    ),
    "a stream where none was asked for": Defect(
        "reply_passes",
        "proceed(call):",
        "proceed(call.evolve(streaming=True)):",
        "`call.streaming` is False, and the provider is asked with True",
    ),
}
MIDDLEWARE_TOP = (
    "\nfrom contextvars import ContextVar\nfrom threading import Lock\n\nLEAK = ContextVar('leak', default=0)\n"
)

# whoever waits for ever is known by it soon enough
HASTE = "from jackfield_testkit.conformance import middleware\n\nmiddleware.PATIENCE = 1.0\n"

STORE = {
    "a value that can be seen half written": Defect(
        "threads",
        "            Path(path).replace(self._path(key))",
        "            Path(path).unlink()\n            with self._path(key).open('wb') as file:\n"
        "                for byte in value:\n                    file.write(bytes([byte]))\n"
        "                    file.flush()",
        "with four threads at once",
    ),
    "a value of another type": Defect(
        "values_come_back",
        "return self._path(key).read_bytes()",
        "return bytearray(self._path(key).read_bytes())",
        "a value is `bytes`",
    ),
    "an error where there is nothing": Defect(
        "values_come_back",
        "            return None\n",
        "            raise KeyError(key)\n",
        "what was never set is None",
    ),
    "keys that are cut": Defect(
        "items_and_stats", 'f"{key}.value"', 'f"{key[:8]}.value"', "`items` gives every key with its value"
    ),
    "sums that are not added up": Defect(
        "items_and_stats", "self._sums.get(name, 0) + number", "number", "`add` adds to the sums that `stats` gives"
    ),
    "a delete that takes all": Defect(
        "values_come_back",
        "        self._path(key).unlink(missing_ok=True)",
        "        for path in self._folder.glob('*'):\n            path.unlink()",
        "what was not deleted is still there",
    ),
    "sums that outlive a clear": Defect(
        "items_and_stats", "            self._sums.clear()", "            pass", "`clear` leaves no sum"
    ),
    "a store that is closed for good": Defect(
        "works_after_close",
        '        """There is nothing to give back."""',
        "        self._folder = None",
        "it works after `close`, too",
    ),
    "sums that threads lose": Defect(
        "sums_of_threads",
        "        with self._lock:\n            for name",
        "        if True:\n            for name",
        "is there a lock?",
    ),
    "a clear of its own values only": Defect(
        "another_store",
        "for key, _ in self.items():\n            self.delete(key)",
        "for key in vars(self).pop('own', ()):\n            self.delete(key)",
        "`clear` leaves what another store has kept",
    ),
    "values without the white space at their ends": Defect(
        "values_come_back", "file.write(value)", "file.write(value.strip())", "every byte of it"
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


@pytest.mark.parametrize("kind", ["provider", "middleware", "store"])
def test_a_new_package_passes(kind: str, tmp_path: Path) -> None:
    if kind == "store":
        pytest.importorskip("jackfield_cache")
    project = package(kind, tmp_path)
    told = pytest_ran(project, path=project / "src")
    assert " passed" in told
    assert "skipped" not in told


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
            (project / "conftest.py").write_text(HASTE)
    path.write_text(source)
    # one case, as a whole suite takes some seconds
    status, told = pytest_run(project, "-x", "-k", defect.case, path=project / "src")
    assert status == 1, told
    assert defect.said in told, told
