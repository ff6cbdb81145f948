"""The fine-tuning jobs of the fake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from attrs import asdict, define, field

from .base import Asked, FakeReply, Room, page, refused, told

__all__ = ["FakeFineTuning", "FakeJob"]

MODELS: Final = ("gpt-4.1", "gpt-4.1-mini", "gpt-4o-mini", "gpt-3.5-turbo", "o4-mini")
NEXT: Final = {"validating_files": "queued", "queued": "running", "running": "succeeded"}
OVER: Final = ("succeeded", "failed", "cancelled")
LEAST: Final = 10  # examples
EPOCHS: Final = 3
SHAPES: Final = ({"messages"}, {"prompt", "completion"}, {"input", "preferred_output", "non_preferred_output"})


@define
class FakeJob:
    """A job that the fake keeps; times are in seconds since 1970.

    Attributes:
        id: its id.
        body: what it was made of.
        created: when it was made.
        status: what it is now.
        since: when that began.
        left: seconds that are left of what it was paused in.
        paused: what it was paused in.
        finished: when it was over.
        seed: its seed.
        tokens: how many tokens it was trained on.
        model: the model that came of it.
        error: why it failed.
        results: the ids of its files of results.
        events: what happened to it, in order.
        checkpoints: the models that it made, in order.
    """

    id: str
    body: dict[str, Any]
    created: float
    status: str = "validating_files"
    since: float = 0.0
    left: float | None = None
    paused: str | None = None
    finished: float | None = None
    seed: int = 0
    tokens: int | None = None
    model: str | None = None
    error: dict[str, Any] = field(factory=dict)
    results: list[str] = field(factory=list)
    events: list[dict[str, Any]] = field(factory=list)
    checkpoints: list[dict[str, Any]] = field(factory=list)


class FakeFineTuning(Room):
    """POST and GET of /fine_tuning/jobs, and of what is below it.

    Attributes:
        kept: the jobs, by id.
        models: the models that can be tuned.
        takes: seconds that a job spends in each state.
        breaks: why jobs fail while they run, by the model that they tune: a code and a message.
        active: how many jobs may be under way; None for any number.
    """

    name = "fine_tuning"

    def __init__(self, fake: Any) -> None:
        """Have no job yet."""
        super().__init__(fake)
        self.kept: dict[str, FakeJob] = {}
        self.models: tuple[str, ...] = MODELS
        self.takes: dict[str, float] = {"validating_files": 10.0, "queued": 20.0, "running": 300.0}
        self.breaks: dict[str, tuple[str, str]] = {}
        self.active: int | None = None

    def answer(self, asked: Asked) -> FakeReply | None:
        """Answer what is asked of jobs."""
        for one in self.kept.values():
            self._go_on(one)
        match asked.method, asked.steps:
            case "POST", ("fine_tuning", "jobs"):
                return self._create(asked.json())
            case "GET", ("fine_tuning", "jobs"):
                return self._list(asked)
            case _, ("fine_tuning", "jobs", named, *steps):
                job = self.kept.get(named)
                if job is None:
                    what = f"Could not find fine tune: {named}"
                    return refused(404, what, param="fine_tune_id", code="fine_tune_not_found")
                return self._of_one(job, asked, steps)
        return None

    def shown(self, job: FakeJob) -> dict[str, Any]:
        """A job as the API tells of it."""
        body = job.body
        method = body.get("method") or {"type": "supervised", "supervised": {"hyperparameters": {}}}
        auto = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
        given = (method.get(method["type"]) or {}).get("hyperparameters") or body.get("hyperparameters") or {}
        running = job.status == "running"
        return {
            "object": "fine_tuning.job",
            "id": job.id,
            "model": body["model"],
            "created_at": int(job.created),
            "finished_at": None if job.finished is None else int(job.finished),
            "fine_tuned_model": job.model,
            "organization_id": "org-fake",
            "result_files": job.results,
            "status": job.status,
            "validation_file": body.get("validation_file"),
            "training_file": body["training_file"],
            "hyperparameters": {**auto, **given},
            "trained_tokens": job.tokens,
            "error": job.error,
            "user_provided_suffix": body.get("suffix"),
            "seed": job.seed,
            "estimated_finish": int(job.since + self.takes["running"]) if running else None,
            "integrations": body.get("integrations") or [],
            "metadata": body.get("metadata"),
            "usage_metrics": None,
            "shared_with_openai": False,
            "eval_id": None,
            "method": method,
        }

    def _create(self, body: dict[str, Any]) -> FakeReply:
        model = body.get("model")
        for name in ("model", "training_file"):
            if not isinstance(body.get(name), str):
                what = f"Missing required parameter: '{name}'."
                return refused(400, what, param=name, code="missing_required_parameter")
        if model not in self.models:
            what = f"Model {model} is not available for fine-tuning or does not exist."
            return refused(400, what, code="model_not_available")
        for name in ("training_file", "validation_file"):
            if (named := body.get(name)) is not None:
                file = self.fake.files.find(named)
                if file is None or file.purpose != "fine-tune":
                    return refused(400, f"invalid {name}: {named}", param=name)
        under_way = sum(job.status not in OVER for job in self.kept.values())
        if self.active is not None and under_way >= self.active:
            what = "This fine-tune request has been rate-limited. Your organization has reached the maximum of"
            return refused(429, f"{what} {self.active} active requests.", code="rate_limit_exceeded")
        now = self.fake.now
        job = FakeJob(self.fake.made("ftjob-"), body, now, since=now, seed=body.get("seed") or 1)
        self.kept[job.id] = job
        self._tell(job, now, f"Created fine-tuning job: {job.id}")
        self._tell(job, now, f"Validating training file: {body['training_file']}")
        return told(self.shown(job))

    def _list(self, asked: Asked) -> FakeReply:
        found = [*self.kept.values()][::-1]
        for name, value in asked.query.items():
            if name.startswith("metadata["):
                key = name.removeprefix("metadata[").removesuffix("]")
                found = [job for job in found if (job.body.get("metadata") or {}).get(key) == value]
        return page([self.shown(job) for job in found], asked.query)

    def _of_one(self, job: FakeJob, asked: Asked, steps: list[str]) -> FakeReply | None:
        match asked.method, steps:
            case "GET", []:
                return told(self.shown(job))
            case "GET", ["events"]:
                return page(job.events[::-1], asked.query)
            case "GET", ["checkpoints"]:
                return page(job.checkpoints[::-1], asked.query, 10)
            case "POST", [("cancel" | "pause" | "resume") as change]:
                return self._change(job, change)
        return None

    def _change(self, job: FakeJob, change: str) -> FakeReply:
        now = self.fake.now
        fits = job.status == "paused" if change == "resume" else job.status not in OVER
        if not fits or (change == "pause" and job.status == "paused"):
            what = f"The job {job.id} cannot be {change}{'d' if change[-1] == 'e' else 'led'}: it is {job.status}."
            return refused(400, what, code="invalid_job_state")
        match change:
            case "cancel":
                job.status, job.finished = "cancelled", now
                self._tell(job, now, "The job was cancelled")
            case "pause":
                job.paused, job.left = job.status, job.since + self.takes[job.status] - now
                job.status = "paused"
                self._tell(job, now, "The job was paused")
            case "resume":
                left = job.left or 0.0
                job.status, job.paused, job.left = job.paused or "queued", None, None
                job.since = now + left - self.takes[job.status]
                self._tell(job, now, "The job goes on")
        return told(self.shown(job))

    def _go_on(self, job: FakeJob) -> None:
        """Let pass what has passed by now."""
        while job.status in NEXT:
            due = job.since + self.takes[job.status]
            if job.status == "running":
                self._train(job, min(due, self.fake.now))
            if due > self.fake.now:
                return
            job.since = due
            self._enter(job, NEXT[job.status], due)

    def _enter(self, job: FakeJob, status: str, now: float) -> None:
        wrong = None
        if status == "queued":
            wrong = self._wrong(job, "training_file") or self._wrong(job, "validation_file")
        elif status == "succeeded" and job.body["model"] in self.breaks:
            code, message = self.breaks[job.body["model"]]
            wrong = {"code": code, "message": message, "param": None}
        if wrong is not None:
            job.status, job.error, job.finished = "failed", wrong, now
            self._tell(job, now, f"The job failed: {wrong['message']}", level="error")
            return
        job.status = status
        if status == "queued":
            self._tell(job, now, "Files validated, moving job to queued state")
        elif status == "running":
            self._tell(job, now, "Fine-tuning job started")
        elif status == "succeeded":
            self._succeed(job, now)

    def _succeed(self, job: FakeJob, now: float) -> None:
        job.finished, job.model = now, self._model(job)
        job.tokens = EPOCHS * len(self._examples(job, "training_file")) * 10
        rows = [f"{one['step_number']},{one['metrics']['train_loss']}" for one in job.checkpoints]
        content = "\n".join(("step,train_loss", *rows)).encode()
        job.results.append(self.fake.files.add("step_metrics.csv", content, "fine-tune-results").id)
        self._tell(job, now, f"New fine-tuned model created: {job.model}")
        self._tell(job, now, "The job has successfully completed")

    def _train(self, job: FakeJob, until: float) -> None:
        """Make the checkpoints of the epochs that are over."""
        length = self.takes["running"] / EPOCHS
        while len(job.checkpoints) < EPOCHS and (now := job.since + length * (len(job.checkpoints) + 1)) <= until:
            number = len(job.checkpoints) + 1
            step, loss = number * 100, round(1.0 / number, 4)
            job.checkpoints.append({
                "object": "fine_tuning.job.checkpoint",
                "id": self.fake.made("ftckpt_"),
                "created_at": int(now),
                "fine_tuned_model_checkpoint": f"{self._model(job)}:ckpt-step-{step}",
                "metrics": {"step": step, "train_loss": loss},
                "fine_tuning_job_id": job.id,
                "step_number": step,
            })  # fmt: skip
            data = {"step": step, "train_loss": loss, "total_steps": EPOCHS * 100}
            self._tell(job, now, f"Step {step}/{EPOCHS * 100}: training loss={loss}", data=data)

    def _model(self, job: FakeJob) -> str:
        return f"ft:{job.body['model']}:fake:{job.body.get('suffix') or ''}:{job.id[-6:]}"

    def _examples(self, job: FakeJob, name: str) -> list[bytes]:
        file = self.fake.files.find(job.body.get(name) or "")
        return [] if file is None else [line for line in file.content.split(b"\n") if line.strip()]

    def _wrong(self, job: FakeJob, name: str) -> dict[str, Any] | None:
        """What is wrong with a file, as a failed job tells of it."""
        if job.body.get(name) is None:
            return None
        lines = self._examples(job, name)
        for number, line in enumerate(lines, 1):
            try:
                example = json.loads(line)
            except ValueError:
                example = None
            if not isinstance(example, Mapping) or not any(example.keys() >= shape for shape in SHAPES):
                what = f"The job failed due to an invalid {name.replace('_', ' ')}: line {number} is no example."
                return {"code": f"invalid_{name}", "message": what, "param": name}
        if name == "training_file" and len(lines) < LEAST:
            what = f"{job.body[name]} has {len(lines)} example(s), but must have at least {LEAST} examples"
            return {"code": "invalid_n_examples", "message": what, "param": name}
        return None

    def _tell(self, job: FakeJob, now: float, message: str, *, level: str = "info", data: Any = None) -> None:
        kind = "message" if data is None else "metrics"
        about = {"created_at": int(now), "level": level, "message": message, "type": kind, "data": data or {}}
        job.events.append({"object": "fine_tuning.job.event", "id": self.fake.made("ftevent-"), **about})

    def dump(self) -> Any:
        """The jobs, and how jobs go."""
        jobs = [asdict(job) for job in self.kept.values()]
        breaks = {model: [*why] for model, why in self.breaks.items()}
        return {"jobs": jobs, "models": [*self.models], "takes": self.takes, "breaks": breaks, "active": self.active}

    def load(self, state: Any) -> None:
        """Go on with a state."""
        self.kept = {job["id"]: FakeJob(**job) for job in state["jobs"]}
        self.models, self.takes, self.active = tuple(state["models"]), dict(state["takes"]), state["active"]
        self.breaks = {model: (code, message) for model, (code, message) in state["breaks"].items()}
