"""One upload, in one piece or in parts, as a loop of calls."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from attrs import frozen

from jackfield.errors import BadRequestError, JackfieldError, MalformedReplyError
from jackfield.operations import Request

from .asking import Asking
from .files import FileResponse, OpenRequest, UploadFileRequest
from .multipart import Progress
from .sources import FileSource
from .uploads import (
    CancelUploadRequest,
    CompleteUploadRequest,
    CreateUploadRequest,
    UnfinishedUpload,
    UploadPartRequest,
    UploadResponse,
)

__all__ = ["Sending"]


@frozen
class Sending:
    """What is sent, and how; see `Files.upload`."""

    asking: Asking
    name: str
    source: FileSource
    purpose: str
    expires_after: float | timedelta | None
    check: bool | None
    progress: Progress | None
    timeout: float | None

    async def open(self) -> None:
        """Look at the source, where that holds nobody up."""
        if self.asking.blocking or self.source.held:
            self.source.open()
        else:
            await self._ask(OpenRequest(model=self.name, source=self.source))

    async def whole(self) -> Any:
        """Send it in one piece."""
        request = UploadFileRequest(
            model=self.name,
            source=self.source,
            purpose=self.purpose,
            expires_after=self.expires_after,
            check=self.check,
            progress=self.progress,
        )
        return await self._ask(request)

    async def in_parts(self, state: UnfinishedUpload, part_size: int, *, keep: bool) -> FileResponse:
        """Send the parts that are missing, and have a file made of all. Give it up where it fails, unless it is kept.

        Raises:
            BadRequestError: the file is not the one that the upload began with.
            MalformedReplyError: the service says of no file that it is made.
        """
        size = self.source.size
        if state.size not in {None, size}:
            raise BadRequestError(f"resume: the file had {state.size} bytes when the upload began, and has {size} now")
        if state.parts and state.part_size not in {None, part_size}:
            raise BadRequestError(f"part_size: the parts that have come have {state.part_size} bytes, not {part_size}")
        state.size, state.part_size = size, part_size
        if state.upload is None:
            state.upload = await self._begun()
        try:
            for number, start in enumerate(range(0, size, part_size)):
                stop = min(start + part_size, size)
                if number not in state.parts:
                    state.parts[number] = await self._part(state.upload, start, stop, drop=not keep)
                elif self.progress is not None:
                    self.progress(stop, size)
            parts = [state.parts[number] for number in range(-(-size // part_size))]
            ending = CompleteUploadRequest(model=self.name, upload=state.upload, parts=parts, source=self.source)
            return _made(await self._ask(ending))
        except Exception:
            if not keep:
                with suppress(JackfieldError):  # it is forgotten by itself, later
                    await self.asking.call(CancelUploadRequest(model=self.name, upload=state.upload))
            raise

    async def _begun(self) -> str:
        request = CreateUploadRequest(
            model=self.name,
            name=self.source.name,
            purpose=self.purpose,
            size=self.source.size,
            media_type=self.source.media_type,
            expires_after=self.expires_after,
            check=self.check,
            source=self.source,
        )
        begun: str = (await self._ask(request)).upload.id
        return begun

    async def _part(self, upload: str, start: int, stop: int, *, drop: bool) -> str:
        tell = self.progress
        request = UploadPartRequest(
            model=self.name,
            upload=upload,
            source=self.source,
            start=start,
            stop=stop,
            drop=drop,
            progress=None if tell is None else (lambda done, _: tell(start + done, self.source.size)),
        )
        part: str = (await self._ask(request)).part
        return part

    async def _ask(self, request: Request[Any, Any]) -> Any:
        return await self.asking.read(request, timeout=self.timeout)


def _made(done: UploadResponse) -> FileResponse:
    """The file that an upload has become, as the reply to any other upload."""
    file = None if done.upload is None else done.upload.file
    if file is None:
        raise MalformedReplyError("the upload is complete, and the reply tells of no file", body=done.raw)
    return FileResponse(
        file=file,
        id=file.id,
        created=file.created,
        provider=done.provider,
        request_id=done.request_id,
        rate_limit=done.rate_limit,
        warnings=done.warnings,
        attempts=done.attempts,
        raw=done.raw,
    )
