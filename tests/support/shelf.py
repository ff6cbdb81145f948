"""A provider without HTTP that keeps files, and offers them under its accessor, as any provider may."""

from __future__ import annotations

from typing import Any

from jackfield.errors import NotFoundError
from jackfield.hooks import hookimpl
from jackfield.provider import Provider, serves
from jackfield.types import Start
from jackfield_jobs.files import (
    ContentDelta,
    ContentFinished,
    ContentRequest,
    ContentStarted,
    DeleteFileRequest,
    FileDeleted,
    FileRequest,
    FileTold,
    ListFilesRequest,
    PageEnded,
    StoredFile,
    UploadFileRequest,
)
from jackfield_jobs.stored import Files


class Account:
    def __init__(self, client: Any, name: str) -> None:
        self.files = Files(client, name)


class Shelf(Provider):
    """Keeps files by their names. `fails` raises behind so many bytes of a content; `statuses` come one a look."""

    accessor = Account

    def __init__(self, name: str = "shelf") -> None:
        super().__init__(name)
        self.kept: dict[str, bytes] = {}
        self.fails: Exception | None = None
        self.after = 0
        self.announces = True
        self.statuses: list[str | None] = ["processed"]
        self.calls: list[Any] = []

    def told(self, name: str) -> StoredFile:
        if name not in self.kept:
            raise NotFoundError(f"there is no {name!r}", status=404)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return StoredFile(
            name, name, len(self.kept[name]), status=status, details="torn" if status == "error" else None
        )

    @serves(UploadFileRequest.operation)
    async def upload(self, call):
        self.calls.append(call)
        request = call.request
        content = b"".join(request.source.pieces())
        self.kept[request.source.name] = content
        if request.progress is not None:
            request.progress(len(content), len(content))
        yield Start(id=request.source.name)
        yield FileTold(self.told(request.source.name))

    @serves(ListFilesRequest.operation)
    async def list(self, call):
        names = sorted(self.kept, reverse=call.request.order == "desc")
        start = 0 if call.request.after is None else names.index(call.request.after) + 1
        shown = names[start : start + (call.request.limit or 2)]
        for name in shown:
            yield FileTold(self.told(name))
        yield PageEnded(shown[-1] if shown and shown[-1] != names[-1] else None)

    @serves(FileRequest.operation)
    async def get(self, call):
        await call.runtime.sleep(call.request.wait)
        yield FileTold(self.told(call.request.file))

    @serves(DeleteFileRequest.operation)
    async def delete(self, call):
        self.told(call.request.file)
        del self.kept[call.request.file]
        yield FileDeleted(call.request.file)

    @serves(ContentRequest.operation)
    async def content(self, call):
        self.calls.append(call)
        self.told(call.request.file)
        content = self.kept[call.request.file]
        yield ContentStarted(len(content) if self.announces else None, "text/plain")
        for at in range(0, len(content), 1000):
            if self.fails is not None and at >= self.after:
                failed, self.fails = self.fails, None
                raise failed
            yield ContentDelta(content[at : at + 1000])
        yield ContentFinished(len(content))


def shelved(shelf: Shelf, **more: Any) -> dict[str, Any]:
    """Arguments of a client that has this provider alone."""

    class Plugin:
        @hookimpl
        def jackfield_provider(self, name, settings):
            return shelf

    return {"config": {"default": "shelf", **more}, "plugins": {"provider": {"shelf": Plugin()}}}
