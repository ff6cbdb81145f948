"""Fine-tuning at OpenAI: jobs, their events and checkpoints, and the requests that ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from attrs import field, frozen

from jackfield.errors import BadRequestError, JackfieldError
from jackfield.operations import Operation, Request, Response
from jackfield.types import Event
from jackfield_jobs.checks import is_id, is_notes, within
from jackfield_jobs.told import Listed, told

from .hyperparameters import read_hyperparameters, read_method

__all__ = ["CheckpointsRequest", "FineTuneRequest", "FineTuningChangeRequest", "FineTuningCheckpoint"]
__all__ += ["FineTuningError", "FineTuningEvent", "FineTuningEventsRequest", "FineTuningFailedError", "FineTuningJob"]
__all__ += ["FineTuningJobRequest", "FineTuningJobsRequest", "FineTuningResponse"]

OVER: Final = frozenset({"succeeded", "failed", "cancelled"})
CHANGES: Final = ("cancel", "pause", "resume")
MOST_SEED: Final = 2**31 - 1
MOST_SUFFIX: Final = 64
MOST_PAGE: Final = 100


# --- what jobs are


@frozen
class FineTuningError:
    """Why a job failed.

    Attributes:
        code: the provider's word for it.
        message: what went wrong, for a person.
        param: the parameter that was wrong, most often "training_file" or "validation_file".
    """

    code: str | None = None
    message: str | None = None
    param: str | None = None


@frozen(kw_only=True)
class FineTuningJob:
    """A fine-tuning job, as it was when it was asked for.

    Attributes:
        id: its id, by which it is asked for again.
        status: "validating_files", "queued", "running", "paused", "succeeded", "failed" or "cancelled"; a service may
            have further words.
        model: the model that is tuned.
        fine_tuned_model: the name of the model that came of it.
        error: why it failed; None where it did not.
        created: when, in seconds since 1970; so with the other times.
        finished: when it was over.
        estimated_finish: when it may be over.
        training_file: the id of the file of training data.
        validation_file: the id of the file of validation data.
        result_files: the ids of the files of results.
        trained_tokens: how many tokens it is charged for.
        method: how it is tuned, as the service tells it.
        hyperparameters: the hyperparameters in use.
        suffix: what the name of the tuned model ends in.
        seed: by which it can be repeated.
        integrations: who else is told of it, as the service tells it.
        metadata: what its maker has noted on it.
        raw: all that the service says of it; it takes no part in equality.
    """

    id: str
    status: str
    model: str | None = None
    fine_tuned_model: str | None = None
    error: FineTuningError | None = None
    created: float | None = None
    finished: float | None = None
    estimated_finish: float | None = None
    training_file: str | None = None
    validation_file: str | None = None
    result_files: tuple[str, ...] = ()
    trained_tokens: int | None = None
    method: Mapping[str, Any] | None = None
    hyperparameters: Mapping[str, Any] = field(factory=dict)
    suffix: str | None = None
    seed: int | None = None
    integrations: tuple[Mapping[str, Any], ...] = ()
    metadata: Mapping[str, str] = field(factory=dict)
    raw: Any = field(default=None, eq=False, repr=False)

    @property
    def over(self) -> bool:
        """Whether nothing more will become of it."""
        return self.status in OVER


@frozen(kw_only=True)
class FineTuningEvent:
    """Something that happened to a job.

    Attributes:
        id: its id.
        message: what happened.
        level: "info", "warn" or "error".
        type: "message", or "metrics" where `data` has numbers.
        created: when, in seconds since 1970.
        data: numbers or other facts, as the service tells them.
        raw: all that the service says of it; it takes no part in equality.
    """

    id: str
    message: str = ""
    level: str | None = None
    type: str | None = None
    created: float | None = None
    data: Mapping[str, Any] = field(factory=dict)
    raw: Any = field(default=None, eq=False, repr=False)


@frozen(kw_only=True)
class FineTuningCheckpoint:
    """A model that a job made on its way.

    Attributes:
        id: its id.
        model: the name under which the model can be used.
        step: after which step it was made.
        metrics: losses and the like, by the service's name.
        created: when, in seconds since 1970.
        job: the id of the job.
        raw: all that the service says of it; it takes no part in equality.
    """

    id: str
    model: str | None = None
    step: int | None = None
    metrics: Mapping[str, float] = field(factory=dict)
    created: float | None = None
    job: str | None = None
    raw: Any = field(default=None, eq=False, repr=False)


class FineTuningFailedError(JackfieldError):
    """A job failed; its code and message are the job's.

    Attributes:
        job: the job.
    """

    job: FineTuningJob

    @classmethod
    def of(cls, job: FineTuningJob) -> FineTuningFailedError:
        """The error of a job that failed."""
        why = job.error or FineTuningError()
        where = f" ({why.param})" if why.param else ""
        error = cls(f"job {job.id} failed: {why.message or 'the service gave no reason'}{where}", code=why.code)
        error.job = job
        error.body = job.raw
        return error


# --- what is asked for


def _suffix(_: object, __: object, value: Any) -> None:
    if value is not None and not (isinstance(value, str) and 0 < len(value) <= MOST_SUFFIX):
        raise BadRequestError(f"suffix: expected 1 to {MOST_SUFFIX} characters, got {value!r:.200}")


def _integrations(value: Any) -> tuple[Mapping[str, Any], ...] | None:
    if value is None:
        return None
    found = tuple(value) if isinstance(value, Iterable) and not isinstance(value, str | Mapping) else (value,)
    for one in found:
        if not isinstance(one, Mapping) or not isinstance(one.get("type"), str):
            what = "dictionaries like {'type': 'wandb', 'wandb': {'project': ...}}"
            raise BadRequestError(f"integrations: expected {what}, got {one!r:.200}")
    return found


def _change(_: object, __: object, value: Any) -> None:
    if value not in CHANGES:
        raise BadRequestError(f"change: expected one of {', '.join(CHANGES)}, got {value!r}")


@frozen(kw_only=True, repr=False)
class FineTuningResponse(Response):
    """A job."""

    job: FineTuningJob | None = None


JOB_ID: Final = "the id of a job, as 'ftjob-...'"


@frozen(kw_only=True)
class FineTuneRequest(Request[Event, FineTuningResponse]):
    """A request that begins a job: `model` is the model to tune.

    Attributes:
        training_file: the id of a file that was uploaded for the purpose "fine-tune".
        validation_file: the id of another.
        method: "supervised", "dpo" or "reinforcement"; or a table as the API has it, with its type.
        hyperparameters: `n_epochs`, `batch_size`, `learning_rate_multiplier`, and those of the method; each may be
            "auto".
        grader: what judges the answers, for reinforcement, as the API has it.
        suffix: what the name of the tuned model ends in, at most 64 characters.
        seed: by which the job can be repeated.
        integrations: who else is told of it: `{"type": "wandb", "wandb": {"project": ...}}`.
        metadata: texts that are noted on the job.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """

    operation: ClassVar[Operation[Any, Any]] = told(
        "fine_tuning.create", FineTuningResponse, repeatable=False, of_model=True
    )

    training_file: str = field(validator=is_id("the id of a file, as 'file-...'"))
    validation_file: str | None = None
    method: str | Mapping[str, Any] | None = field(default=None, validator=read_method)
    hyperparameters: Mapping[str, Any] | None = field(default=None, validator=read_hyperparameters)
    grader: Mapping[str, Any] | None = None
    suffix: str | None = field(default=None, validator=_suffix)
    seed: int | None = field(default=None, validator=within(0, MOST_SEED))
    integrations: tuple[Mapping[str, Any], ...] | None = field(default=None, converter=_integrations)
    metadata: Mapping[str, str] | None = field(default=None, validator=is_notes)


@frozen(kw_only=True)
class FineTuningJobRequest(Request[Event, FineTuningResponse]):
    """A request for a job; `wait` delays it by so many seconds."""

    operation: ClassVar[Operation[Any, Any]] = told("fine_tuning.get", FineTuningResponse)

    job: str = field(validator=is_id(JOB_ID))
    wait: float = 0.0


@frozen(kw_only=True)
class FineTuningChangeRequest(Request[Event, FineTuningResponse]):
    """A request to "cancel", "pause" or "resume" a job."""

    operation: ClassVar[Operation[Any, Any]] = told("fine_tuning.change", FineTuningResponse, repeatable=False)

    job: str = field(validator=is_id(JOB_ID))
    change: str = field(validator=_change)


@frozen(kw_only=True)
class FineTuningJobsRequest(Request[Event, Listed]):
    """A request for a page of jobs, the newest first.

    Attributes:
        after: the id of the last job of the page before.
        limit: how many jobs a page has.
        metadata: what must be noted on a job.
    """

    operation: ClassVar[Operation[Any, Any]] = told("fine_tuning.list", Listed)

    after: str | None = None
    limit: int | None = field(default=None, validator=within(1, MOST_PAGE))
    metadata: Mapping[str, str] | None = field(default=None, validator=is_notes)


@frozen(kw_only=True)
class FineTuningEventsRequest(Request[Event, Listed]):
    """A request for a page of what happened to a job, the latest first."""

    operation: ClassVar[Operation[Any, Any]] = told("fine_tuning.events", Listed)

    job: str = field(validator=is_id(JOB_ID))
    after: str | None = None
    limit: int | None = field(default=None, validator=within(1, MOST_PAGE))


@frozen(kw_only=True)
class CheckpointsRequest(Request[Event, Listed]):
    """A request for a page of a job's checkpoints, the latest first."""

    operation: ClassVar[Operation[Any, Any]] = told("fine_tuning.checkpoints", Listed)

    job: str = field(validator=is_id(JOB_ID))
    after: str | None = None
    limit: int | None = field(default=None, validator=within(1, MOST_PAGE))
