"""Fine-tuning as a program uses it: `client.provider("openai").fine_tuning`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from jackfield.errors import BadRequestError
from jackfield_jobs.asking import Asking, Items, Polling, Source, paged, shown, waited
from jackfield_jobs.files import StoredFile
from jackfield_jobs.multipart import Progress
from jackfield_jobs.stored import Files

from .fine_tuning import (
    CheckpointsRequest,
    FineTuneRequest,
    FineTuningChangeRequest,
    FineTuningCheckpoint,
    FineTuningEvent,
    FineTuningEventsRequest,
    FineTuningFailedError,
    FineTuningJob,
    FineTuningJobRequest,
    FineTuningJobsRequest,
)
from .fine_tuning_beside import (
    CheckpointPermission,
    GraderCheckRequest,
    GraderRunRequest,
    PermissionsRequest,
    PermitRequest,
    RevokeRequest,
)
from .hyperparameters import wire_method

__all__ = ["FineTuning"]

FILE_ID: Final = re.compile(r"file-[A-Za-z0-9]+")


class FineTuning:
    """Jobs that tune a model. With an `AsyncClient` each result is awaited, and a list read by `async for`."""

    def __init__(self, client: Any, name: str, files: Files) -> None:
        """Ask by this client, and under this provider's name; data are uploaded to these files."""
        self._asking = Asking(client)
        self._name = name
        self._files = files

    def create(
        self,
        file: str | os.PathLike[str] | StoredFile,
        *,
        model: str,
        validation_file: str | os.PathLike[str] | StoredFile | None = None,
        progress: Progress | None = None,
        check: bool | None = None,
        **options: Any,
    ) -> Any:
        """Begin a job, and give it as a `FineTuningJob`.

        Args:
            file: the training data: the path of a file of JSON lines, which is uploaded first, or the id of one that
                was uploaded for the purpose "fine-tune", as 'file-...'.
            model: the model to tune, as the provider calls it.
            validation_file: the validation data, in the same way.
            progress: is told how many bytes were uploaded, and of how many.
            check: whether to look at the first lines of a file before it is uploaded; unless given, where the
                provider knows what its service takes.
            **options: the further fields of `FineTuneRequest`: `method`, `hyperparameters`, `suffix`, `seed`, ...

        Raises:
            BadRequestError: names the field, the value and what would be right; most often before anything is sent.
            JackfieldError: see `jackfield.errors`.
        """
        named: Any = model
        if not isinstance(named, str) or not named:
            raise BadRequestError(f"model: expected the name of the model to tune, got {named!r:.200}")
        data = {"training_file": file, "validation_file": validation_file}
        given = {name: _given(name, value) for name, value in data.items() if value is not None}

        def request(ids: Mapping[str, Any]) -> FineTuneRequest:
            return FineTuneRequest(model=f"{self._name}:{model}", **ids, **options)

        asked = request(dict.fromkeys(given, "file-to-come"))
        wire_method(asked.method, asked.hyperparameters, asked.grader)  # what is wrong costs no upload

        async def create() -> FineTuningJob:
            ids = {}
            for name, value in given.items():
                ids[name] = value if isinstance(value, str) else await self._uploaded(value, progress, check)
            job: FineTuningJob = (await self._asking.call(request(ids))).job
            return job

        return self._asking.finished(create())

    def get(self, job: str) -> Any:
        """A job as it is now, as a `FineTuningJob`.

        Raises:
            NotFoundError: there is no such job.
            JackfieldError: see `jackfield.errors`.
        """
        return self._job(FineTuningJobRequest(model=self._name, job=job))

    def list(self, *, limit: int | None = None, metadata: Mapping[str, str] | None = None) -> Items[FineTuningJob]:
        """All jobs, the newest first.

        Args:
            limit: how many are fetched at a time.
            metadata: what must be noted on a job.
        """
        return paged(self._asking, FineTuningJobsRequest(model=self._name, limit=limit, metadata=metadata))

    def cancel(self, job: str) -> Any:
        """End a job, and give it as a `FineTuningJob`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self._job(FineTuningChangeRequest(model=self._name, job=job, change="cancel"))

    def pause(self, job: str) -> Any:
        """Let a job rest, and give it as a `FineTuningJob`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self._job(FineTuningChangeRequest(model=self._name, job=job, change="pause"))

    def resume(self, job: str) -> Any:
        """Let a job that rests go on, and give it as a `FineTuningJob`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self._job(FineTuningChangeRequest(model=self._name, job=job, change="resume"))

    def events(self, job: str, *, limit: int | None = None) -> Items[FineTuningEvent]:
        """What happened to a job until now, the latest first; `limit` is how much is fetched at a time."""
        return paged(self._asking, FineTuningEventsRequest(model=self._name, job=job, limit=limit))

    def follow(self, job: str, *, polling: Polling | None = None) -> Items[FineTuningEvent]:
        """What happens to a job, in order, from its beginning until it is over; `polling` says how often to look."""
        return Items(self._asking, lambda: _Followed(self._asking, self._name, job, polling or Polling()))

    def checkpoints(self, job: str, *, limit: int | None = None) -> Items[FineTuningCheckpoint]:
        """The models that a job made on its way, the latest first; `limit` is how many are fetched at a time."""
        return paged(self._asking, CheckpointsRequest(model=self._name, job=job, limit=limit))

    def grade(self, grader: Mapping[str, Any], answer: str, item: Mapping[str, Any] | None = None) -> Any:
        """Try a grader on an answer: a `GraderRunResponse`; `item` has the facts that it looks at.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        asked = GraderRunRequest(model=self._name, grader=grader, answer=answer, item=item)
        return self._asking.client.call(asked)

    def check_grader(self, grader: Mapping[str, Any]) -> Any:
        """Have the service look at a grader: a `GraderCheckResponse`, with the grader as it would be used.

        Raises:
            JackfieldError: see `jackfield.errors`; `BadRequestError` where it cannot be used.
        """
        return self._asking.client.call(GraderCheckRequest(model=self._name, grader=grader))

    def permissions(self, checkpoint: str, *, limit: int | None = None) -> Items[CheckpointPermission]:
        """Which projects may use a checkpoint, by its name; `limit` is how many are fetched at a time."""
        return paged(self._asking, PermissionsRequest(model=self._name, checkpoint=checkpoint, limit=limit))

    def permit(self, checkpoint: str, projects: str | Iterable[str]) -> Any:
        """Let projects use a checkpoint: a page of `CheckpointPermission`s as its `items`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self._asking.client.call(PermitRequest(model=self._name, checkpoint=checkpoint, projects=projects))

    def revoke(self, checkpoint: str, permission: str) -> Any:
        """Take a permission back, by its id: a `RevokeResponse`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self._asking.client.call(RevokeRequest(model=self._name, checkpoint=checkpoint, permission=permission))

    def wait(
        self,
        job: str,
        *,
        progress: Callable[[FineTuningJob], object] | None = None,
        on_event: Callable[[FineTuningEvent], object] | None = None,
        polling: Polling | None = None,
        timeout: float | None = None,
        check: bool = True,
    ) -> Any:
        """Wait until a job is over, and give it as a `FineTuningJob`. Its id is all that this needs.

        A job that was cancelled is over as well: see its `status`.

        Args:
            job: its id.
            progress: is shown the job at each look.
            on_event: is shown what happens to it, in order, from its beginning.
            polling: how often to look.
            timeout: seconds to wait, in all; None for as long as it takes.
            check: whether a job that failed is an error.

        Raises:
            FineTuningFailedError: the job failed; it has the job's code and message.
            DeadlineError: the job was not over in time; it goes on, and can be waited for again.
            JackfieldError: see `jackfield.errors`.
        """
        return self._asking.finished(self._wait(job, progress, on_event, polling, timeout, check=check))

    async def _wait(
        self,
        job: str,
        progress: Callable[[FineTuningJob], object] | None,
        on_event: Callable[[FineTuningEvent], object] | None,
        polling: Polling | None,
        timeout: float | None,
        *,
        check: bool,
    ) -> FineTuningJob:
        log = _Log(self._asking, self._name, job)

        async def look(response: Any) -> None:
            if progress is not None:
                await shown(progress, response.job)
            if on_event is not None:
                for event in await log.more():
                    await shown(on_event, event)

        response = await waited(
            self._asking,
            FineTuningJobRequest(model=self._name, job=job),
            lambda response: response.job.over,
            polling=polling,
            timeout=timeout,
            progress=look,
        )
        found: FineTuningJob = response.job
        if check and found.status == "failed":
            raise FineTuningFailedError.of(found)
        return found

    async def _uploaded(self, path: Path, progress: Progress | None, check: bool | None) -> str:  # noqa: FBT001 - None is one, too
        sending = self._files.upload(path, purpose="fine-tune", progress=progress, check=check)
        uploaded: str = (sending if self._asking.blocking else await sending).id
        return uploaded

    def _job(self, request: Any) -> Any:
        async def ask() -> FineTuningJob:
            job: FineTuningJob = (await self._asking.call(request)).job
            return job

        return self._asking.finished(ask())


def _given(name: str, value: Any) -> str | Path:
    """The id of a file, or the path of one that is to be uploaded.

    Raises:
        BadRequestError: it is neither.
    """
    if isinstance(value, StoredFile):
        if value.purpose not in {None, "fine-tune"}:
            raise BadRequestError(f"{name}: {value.id} was uploaded for {value.purpose!r}, not for 'fine-tune'")
        return value.id
    if isinstance(value, str) and FILE_ID.fullmatch(value):
        return value
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise BadRequestError(f"{name}: expected a path, or the id of a file as 'file-...', got {value!r:.200}")
    path = Path(value)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is no file that is here, nor the id of one as 'file-...'"
        raise BadRequestError(f"{name}: {os.fspath(value)!r:.200} {what}")
    return path


@define(eq=False)
class _Log:
    """What happened to a job, and was not told yet."""

    _asking: Asking
    _name: str
    _job: str
    _seen: set[str] = field(factory=set)

    async def more(self) -> Sequence[FineTuningEvent]:
        """What is new, in order. The service lists the latest first."""
        found: list[FineTuningEvent] = []
        request: Any = FineTuningEventsRequest(model=self._name, job=self._job)
        source = paged(self._asking, request).source()
        try:
            while (some := await source.next()) is not None:
                new = [event for event in some if event.id not in self._seen]
                found += new
                if len(new) < len(some):  # what comes behind is known
                    break
        finally:
            await source.close()
        found.reverse()
        self._seen.update(event.id for event in found)
        return found


@define(eq=False)
class _Followed(Source[FineTuningEvent]):
    _asking: Asking
    _name: str
    _job: str
    _polling: Polling
    _log: _Log = field(init=False)
    _delay: float = 0.0
    _over: bool = False

    def __attrs_post_init__(self) -> None:
        self._log = _Log(self._asking, self._name, self._job)

    async def next(self) -> Sequence[FineTuningEvent] | None:
        if self._over:
            return None
        request = FineTuningJobRequest(model=self._name, job=self._job, wait=self._delay)
        self._over = (await self._asking.patient.call(request)).job.over
        self._delay = self._polling.after(self._delay)
        return await self._log.more()

    async def close(self) -> None:
        self._over = True
