"""How fine-tuning is asked for, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import evolve

from jackfield.call import Call
from jackfield.http import HttpRequest
from jackfield.operations import Request
from jackfield.provider import Exchange, serves
from jackfield.types import Event
from jackfield_wire_openai.destination import put
from jackfield_wire_openai.models import part_of_path
from jackfield_wire_openai.provider import WireProvider
from jackfield_wire_openai.reading import fact, texts

from .fine_tuning import (
    CheckpointsRequest,
    FineTuneRequest,
    FineTuningChangeRequest,
    FineTuningCheckpoint,
    FineTuningError,
    FineTuningEvent,
    FineTuningEventsRequest,
    FineTuningJob,
    FineTuningJobRequest,
    FineTuningJobsRequest,
)
from .hyperparameters import wire_method
from .lists import answer, number, object_of, page, query, strings

__all__ = ["FineTuningExchanges", "read_checkpoint", "read_event", "read_job"]

PATH: Final = "/fine_tuning/jobs"
PLAIN: Final = ("validation_file", "suffix", "seed")


class FineTuningExchanges(WireProvider):
    """The exchanges of a provider for fine-tuning."""

    @serves(FineTuneRequest.operation)
    def fine_tune(self, call: Call[FineTuneRequest]) -> Exchange[Event]:
        """POST /fine_tuning/jobs."""
        body = self._tuning_body(call)
        head = yield self.post(PATH, body)
        return answer(head, object_of("job", read_job))

    @serves(FineTuningJobRequest.operation)
    def fine_tuning_job(self, call: Call[FineTuningJobRequest]) -> Exchange[Event]:
        """GET /fine_tuning/jobs/{job}."""
        self.report_all(call, "job", "wait")
        head = yield evolve(self.get(_path(call.request)), after=call.request.wait)
        return answer(head, object_of("job", read_job))

    @serves(FineTuningChangeRequest.operation)
    def fine_tuning_change(self, call: Call[FineTuningChangeRequest]) -> Exchange[Event]:
        """POST /fine_tuning/jobs/{job}/cancel, /pause or /resume."""
        self.report_all(call, "job", "change")
        head = yield HttpRequest("POST", _path(call.request, call.request.change), {"accept": "application/json"})
        return answer(head, object_of("job", read_job))

    @serves(FineTuningJobsRequest.operation)
    def fine_tuning_jobs(self, call: Call[FineTuningJobsRequest]) -> Exchange[Event]:
        """GET /fine_tuning/jobs."""
        return self._listed(call, PATH, read_job, "metadata")

    @serves(FineTuningEventsRequest.operation)
    def fine_tuning_events(self, call: Call[FineTuningEventsRequest]) -> Exchange[Event]:
        """GET /fine_tuning/jobs/{job}/events."""
        return self._listed(call, _path(call.request, "events"), read_event)

    @serves(CheckpointsRequest.operation)
    def fine_tuning_checkpoints(self, call: Call[CheckpointsRequest]) -> Exchange[Event]:
        """GET /fine_tuning/jobs/{job}/checkpoints."""
        return self._listed(call, _path(call.request, "checkpoints"), read_checkpoint)

    def _listed(
        self, call: Call[Any], path: str, read: Callable[[Mapping[str, Any]], Any], *more: str
    ) -> Exchange[Event]:
        names = ("after", "limit", *more)
        self.report_all(call, "job", *names)
        head = yield self.get(query(path, **{name: getattr(call.request, name) for name in names}))
        return answer(head, page(read))

    def _tuning_body(self, call: Call[FineTuneRequest]) -> dict[str, Any]:
        fields = self.fields(call)
        body: dict[str, Any] = {"model": call.target.model, "training_file": fields.take("training_file")}
        method = wire_method(*map(fields.take, ("method", "hyperparameters", "grader")))
        if method is not None:
            body["method"] = method
        for name in PLAIN:
            if (value := fields.take(name)) is not None:
                body[name] = value
        if (integrations := fields.take("integrations")) is not None:
            body["integrations"] = [*map(dict, integrations)]
        if (metadata := fields.take("metadata")) is not None:
            body["metadata"] = dict(metadata)
        put(body, call.request.options.get(self.plugin), f"options.{self.plugin}")
        put(body, fields.take("extra_body"), "extra_body")
        fields.report_rest()
        return body


def _path(request: Request[Any, Any], end: str = "") -> str:
    job = part_of_path(getattr(request, "job", ""), field="job")
    return f"{PATH}/{job}/{end}" if end else f"{PATH}/{job}"


def read_job(item: Mapping[str, Any]) -> FineTuningJob | None:
    """A job, also one of the older API under `/fine-tunes`; None where it has no id."""
    name, status = fact(item, "id", str), fact(item, "status", str)
    if not name or status is None:
        return None
    tokens = fact(item, "trained_tokens", int)
    return FineTuningJob(
        id=name,
        status=status,
        model=fact(item, "model", str),
        fine_tuned_model=fact(item, "fine_tuned_model", str),
        error=_error(item.get("error")),
        created=number(item, "created_at"),
        finished=number(item, "finished_at"),
        estimated_finish=number(item, "estimated_finish"),
        training_file=fact(item, "training_file", str) or _first_id(item, "training_files"),
        validation_file=fact(item, "validation_file", str) or _first_id(item, "validation_files"),
        result_files=texts(item, "result_files") or _ids(item, "result_files"),
        trained_tokens=tokens,
        method=fact(item, "method", dict),
        hyperparameters=fact(item, "hyperparameters", dict) or fact(item, "hyperparams", dict) or {},
        suffix=fact(item, "user_provided_suffix", str) or fact(item, "suffix", str),
        seed=fact(item, "seed", int),
        integrations=tuple(one for one in fact(item, "integrations", list) or () if isinstance(one, Mapping)),
        metadata=strings(item.get("metadata")),
        raw=item,
    )


def read_event(item: Mapping[str, Any]) -> FineTuningEvent | None:
    """Something that happened to a job; None where it has no id."""
    name = fact(item, "id", str)
    if not name:
        return None
    return FineTuningEvent(
        id=name,
        message=fact(item, "message", str) or "",
        level=fact(item, "level", str),
        type=fact(item, "type", str),
        created=number(item, "created_at"),
        data=fact(item, "data", dict) or {},
        raw=item,
    )


def read_checkpoint(item: Mapping[str, Any]) -> FineTuningCheckpoint | None:
    """A checkpoint; None where it has no id."""
    name = fact(item, "id", str)
    if not name:
        return None
    metrics = fact(item, "metrics", dict) or {}
    return FineTuningCheckpoint(
        id=name,
        model=fact(item, "fine_tuned_model_checkpoint", str),
        step=fact(item, "step_number", int),
        metrics={key: value for key in metrics if (value := number(metrics, key)) is not None},
        created=number(item, "created_at"),
        job=fact(item, "fine_tuning_job_id", str),
        raw=item,
    )


def _error(value: Any) -> FineTuningError | None:
    if not isinstance(value, Mapping):
        return None
    found = FineTuningError(*(fact(value, name, str) for name in ("code", "message", "param")))
    return None if found == FineTuningError() else found


def _ids(item: Mapping[str, Any], name: str) -> tuple[str, ...]:
    files = fact(item, name, list) or ()
    return tuple(found for one in files if isinstance(one, Mapping) and (found := fact(one, "id", str)))


def _first_id(item: Mapping[str, Any], name: str) -> str | None:
    return next(iter(_ids(item, name)), None)
