"""The batches of the fake."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from attrs import asdict, define, field

from .answers import answered
from .base import Asked, FakeReply, Room, page, refused, told

__all__ = ["FakeBatch", "FakeBatches"]

ENDPOINTS: Final = ("/v1/responses", "/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/moderations")
DAY: Final = 86_400.0
MOST: Final = 50_000
MB: Final = 1024 * 1024
OVER: Final = ("completed", "failed", "expired", "cancelled")
LATE: Final = "This request could not be executed before the completion window expired."
GONE: Final = "This request was not executed because the batch was cancelled."

Answer = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]


@define
class FakeBatch:
    """A batch that the fake keeps; times are in seconds since 1970.

    Attributes:
        id: its id.
        body: what it was made of.
        created: when it was made.
        status: what it is now.
        times: when it came to each state, by the name that the API has for it.
        total: how many requests it has.
        completed: how many were answered.
        failed: how many came to an error.
        problems: why it failed.
        output: the id of the file of answers.
        errors: the id of the file of errors.
        model: the model that is asked.
    """

    id: str
    body: dict[str, Any]
    created: float
    status: str = "validating"
    times: dict[str, float] = field(factory=dict)
    total: int = 0
    completed: int = 0
    failed: int = 0
    problems: list[dict[str, Any]] = field(factory=list)
    output: str | None = None
    errors: str | None = None
    model: str | None = None


class FakeBatches(Room):
    """POST and GET of /batches, and of what is below it.

    Attributes:
        kept: the batches, by id.
        validating: seconds that a batch is looked at.
        each: seconds that an answer takes.
        finalizing: seconds that writing the results takes.
        cancelling: seconds that ending a batch takes.
        refuses: what is answered to requests in which a word stands: a status, a code and a message.
        answer_with: answers requests, in place of what the fake would say; given the path and the body, it gives a
            status and a body.
    """

    name = "batches"

    def __init__(self, fake: Any) -> None:
        """Have no batch yet."""
        super().__init__(fake)
        self.kept: dict[str, FakeBatch] = {}
        self.validating = 5.0
        self.each = 1.0
        self.finalizing = 5.0
        self.cancelling = 10.0
        self.refuses: dict[str, tuple[int, str, str]] = {}
        self.answer_with: Answer = answered

    def answer(self, asked: Asked) -> FakeReply | None:
        """Answer what is asked of batches."""
        if not asked.steps or asked.steps[0] not in {"batches", "files"}:
            return None
        for one in self.kept.values():
            self._go_on(one)
        match asked.method, asked.steps:
            case "POST", ("batches",):
                return self._create(asked.json())
            case "GET", ("batches",):
                return page([self.shown(batch) for batch in [*self.kept.values()][::-1]], asked.query)
            case _, ("batches", named, *steps):
                batch = self.kept.get(named)
                if batch is None:
                    return refused(404, f"No batch found with id '{named}'.")
                return self._of_one(batch, asked.method, steps)
        return None

    def shown(self, batch: FakeBatch) -> dict[str, Any]:
        """A batch as the API tells of it."""
        names = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
        times = {f"{name}_at": batch.times.get(name) for name in names}
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": batch.body["endpoint"],
            "model": batch.model,
            "errors": {"object": "list", "data": batch.problems} if batch.problems else None,
            "input_file_id": batch.body["input_file_id"],
            "completion_window": batch.body["completion_window"],
            "status": batch.status,
            "output_file_id": batch.output,
            "error_file_id": batch.errors,
            "created_at": int(batch.created),
            "expires_at": int(batch.created + DAY),
            **{name: None if when is None else int(when) for name, when in times.items()},
            "request_counts": {"total": batch.total, "completed": batch.completed, "failed": batch.failed},
            "metadata": batch.body.get("metadata"),
        }

    def _create(self, body: dict[str, Any]) -> FakeReply:
        if body.get("endpoint") not in ENDPOINTS:
            supported = ", ".join(map(repr, ENDPOINTS))
            what = f"Invalid value: {body.get('endpoint')!r}. Supported values are: {supported}."
            return refused(400, what, param="endpoint", code="invalid_value")
        if body.get("completion_window") != "24h":
            what = f"Invalid value: {body.get('completion_window')!r}. Supported values are: '24h'."
            return refused(400, what, param="completion_window", code="invalid_value")
        file = self.fake.files.find(str(body.get("input_file_id")))
        if file is None:
            what = f"Invalid 'input_file_id': there is no file {body.get('input_file_id')!r}."
            return refused(400, what, param="input_file_id")
        if file.purpose != "batch":
            what = f"Invalid 'input_file_id': the purpose of {file.id} is {file.purpose!r}, and must be 'batch'."
            return refused(400, what, param="input_file_id")
        batch = FakeBatch(self.fake.made("batch_"), body, self.fake.now)
        self.kept[batch.id] = batch
        return told(self.shown(batch))

    def _of_one(self, batch: FakeBatch, method: str, steps: list[str]) -> FakeReply | None:
        match method, steps:
            case "GET", []:
                return told(self.shown(batch))
            case "POST", ["cancel"]:
                if batch.status not in {"validating", "in_progress"}:
                    return refused(409, f"Cannot cancel a batch with status '{batch.status}'.")
                batch.status, batch.times["cancelling"] = "cancelling", self.fake.now
                return told(self.shown(batch))
        return None

    def _go_on(self, batch: FakeBatch) -> None:
        """Let pass what has passed by now."""
        now = self.fake.now
        if batch.status == "validating" and batch.created + self.validating <= now:
            self._validate(batch, batch.created + self.validating)
        if batch.status == "in_progress":
            begun = batch.times["in_progress"]
            end = min(begun + batch.total * self.each, batch.created + DAY)
            self._count(batch, min(now, end))
            if now >= end and batch.completed + batch.failed < batch.total:
                self._finish(batch, "expired", end, "batch_expired", LATE)
            elif now >= end:
                batch.status, batch.times["finalizing"] = "finalizing", end
        if batch.status == "finalizing" and (end := batch.times["finalizing"] + self.finalizing) <= now:
            self._finish(batch, "completed", end)
        if batch.status == "cancelling" and (end := batch.times["cancelling"] + self.cancelling) <= now:
            self._finish(batch, "cancelled", end, "batch_cancelled", GONE)

    def _validate(self, batch: FakeBatch, now: float) -> None:
        batch.problems = [*self._problems(batch)][:10]
        if batch.problems:
            batch.status, batch.times["failed"] = "failed", now
            return
        lines = self._lines(batch)
        batch.total, batch.model = len(lines), json.loads(lines[0])["body"].get("model")
        batch.status, batch.times["in_progress"] = "in_progress", now

    def _problems(self, batch: FakeBatch) -> Iterator[dict[str, Any]]:
        lines = self._lines(batch)
        if not lines:
            yield _problem("empty_file", "The input file is empty.", None)
        if len(lines) > MOST:
            yield _problem("too_many_requests", f"The input file has more than {MOST} requests.", None)
        seen: set[str] = set()
        models: set[str] = set()
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                named, url, body = entry["custom_id"], entry["url"], entry["body"]
            except (ValueError, KeyError, TypeError):
                yield _problem("invalid_json_line", "This line is not parseable as valid JSON.", number)
                continue
            if named in seen:
                yield _problem("duplicate_custom_id", f"The custom_id {named!r} is not unique.", number)
            if url != batch.body["endpoint"]:
                yield _problem("mismatched_endpoint", "The endpoint is not that of the batch.", number)
            models.add(body.get("model"))
            if len(models) > 1:
                yield _problem("mismatched_model", "The models of the requests are not the same.", number)
                return
            seen.add(named)

    def _count(self, batch: FakeBatch, now: float) -> None:
        """Count how many are answered by a time."""
        done = min(int((now - batch.times["in_progress"]) / self.each), batch.total) if self.each else batch.total
        counted = batch.completed + batch.failed
        for line in self._lines(batch)[counted:done]:
            good = self._answered(batch, json.loads(line))[0] < 300
            batch.completed, batch.failed = batch.completed + good, batch.failed + (not good)

    def _finish(self, batch: FakeBatch, status: str, now: float, code: str = "", message: str = "") -> None:
        """Write what was answered, in another order, and what was not."""
        answers: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for number, line in reversed([*enumerate(self._lines(batch))]):
            entry = json.loads(line)
            result: dict[str, Any] = {"id": f"batch_req_{number}", "custom_id": entry["custom_id"]}
            if number >= batch.completed + batch.failed:
                errors.append({**result, "response": None, "error": {"code": code, "message": message}})
                continue
            got, body = self._answered(batch, entry)
            reply = {"status_code": got, "request_id": f"req_{batch.id}_{number}", "body": body}
            (answers if got < 300 else errors).append({**result, "response": reply, "error": None})
        batch.output = self._written(batch, "output", answers)
        batch.errors = self._written(batch, "error", errors)
        batch.status, batch.times[status] = status, now

    def _written(self, batch: FakeBatch, what: str, results: list[dict[str, Any]]) -> str | None:
        if not results:
            return None
        content = b"".join(json.dumps(result).encode() + b"\n" for result in results)
        named: str = self.fake.files.add(f"{batch.id}_{what}.jsonl", content, "batch_output").id
        return named

    def _answered(self, batch: FakeBatch, entry: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        body = entry["body"]
        said = json.dumps(body, ensure_ascii=False)
        for word, (status, code, message) in self.refuses.items():
            if word in said:
                kind = "invalid_request_error" if status < 500 else "server_error"
                return status, {"error": {"message": message, "type": kind, "param": None, "code": code}}
        return self.answer_with(batch.body["endpoint"], body)

    def _lines(self, batch: FakeBatch) -> list[bytes]:
        file = self.fake.files.kept.get(batch.body["input_file_id"])
        return [] if file is None else [line for line in file.content.split(b"\n") if line.strip()]

    def dump(self) -> Any:
        """The batches, and how batches go."""
        how = {name: getattr(self, name) for name in ("validating", "each", "finalizing", "cancelling")}
        refuses = {word: [*what] for word, what in self.refuses.items()}
        return {"batches": [asdict(batch) for batch in self.kept.values()], "how": how, "refuses": refuses}

    def load(self, state: Any) -> None:
        """Go on with a state."""
        self.kept = {batch["id"]: FakeBatch(**batch) for batch in state["batches"]}
        for name, value in state["how"].items():
            setattr(self, name, value)
        self.refuses = {word: (status, code, message) for word, (status, code, message) in state["refuses"].items()}


def _problem(code: str, message: str, line: int | None) -> dict[str, Any]:
    return {"code": code, "message": message, "param": None, "line": line}
