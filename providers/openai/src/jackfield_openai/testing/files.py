"""The files of the fake."""

from __future__ import annotations

import base64
from typing import Any, Final

from attrs import asdict, define, field

from .base import Asked, FakeReply, Room, page, refused, told

__all__ = ["FakeFile", "FakeFiles"]

PURPOSES: Final = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
DAY: Final = 86_400.0
EXPIRES: Final = (3600, 30 * DAY)


@define
class FakeFile:
    """A file that the fake keeps; times are in seconds since 1970.

    Attributes:
        id: its id.
        name: its name.
        purpose: what it is for.
        created: when it came.
        content: its bytes.
        expires: when it goes.
        ready: when it is processed.
        broken: what is found wrong with it then.
    """

    id: str
    name: str
    purpose: str
    created: float
    content: bytes = field(repr=False)
    expires: float | None = None
    ready: float = 0.0
    broken: str | None = None


class FakeFiles(Room):
    """POST, GET and DELETE of /files.

    Attributes:
        kept: the files, by id.
        processing: seconds that it takes to process a file.
        broken: what is found wrong with files, by their name.
        readable: whether the content of every file may be fetched; OpenAI keeps that of some purposes to itself.
    """

    name = "files"

    def __init__(self, fake: Any) -> None:
        """Have no file yet."""
        super().__init__(fake)
        self.kept: dict[str, FakeFile] = {}
        self.processing = 0.0
        self.broken: dict[str, str] = {}
        self.readable = True

    def add(self, name: str, content: bytes, purpose: str, *, expires_after: float | None = None) -> FakeFile:
        """Keep a file."""
        now = self.fake.now
        if expires_after is None and purpose in {"batch", "batch_output"}:
            expires_after = 30 * DAY
        expires = None if expires_after is None else now + expires_after
        made = FakeFile(self.fake.made("file-"), name, purpose, now, content, expires, now + self.processing)
        made.broken = self.broken.get(name)
        self.kept[made.id] = made
        return made

    def find(self, named: str) -> FakeFile | None:
        """A file that is there; one that has expired is not."""
        found = self.kept.get(named)
        if found is not None and found.expires is not None and found.expires <= self.fake.now:
            del self.kept[named]
            return None
        return found

    def content(self, named: str) -> bytes:
        """The bytes of a file that is there."""
        return self.kept[named].content

    def shown(self, file: FakeFile) -> dict[str, Any]:
        """A file as the API tells of it."""
        ready = file.ready <= self.fake.now
        status = ("error" if file.broken else "processed") if ready else "uploaded"
        return {
            "object": "file",
            "id": file.id,
            "purpose": file.purpose,
            "filename": file.name,
            "bytes": len(file.content),
            "created_at": int(file.created),
            "expires_at": None if file.expires is None else int(file.expires),
            "status": status,
            "status_details": file.broken if ready else None,
        }

    def answer(self, asked: Asked) -> FakeReply | None:
        """Answer what is asked of files."""
        match asked.method, asked.steps:
            case "POST", ("files",):
                return self._create(asked)
            case "GET", ("files",):
                return self._list(asked)
            case _, ("files", named, *steps):
                file = self.find(named)
                if file is None:
                    return refused(404, f"No such File object: {named}", param="id")
                return self._of_one(asked.method, file, steps)
        return None

    def _of_one(self, method: str, file: FakeFile, steps: list[str]) -> FakeReply | None:
        match method, steps:
            case "GET", []:
                return told(self.shown(file))
            case "GET", ["content"]:
                return self._download(file)
            case "DELETE", []:
                del self.kept[file.id]
                return told({"object": "file", "id": file.id, "deleted": True})
        return None

    def _create(self, asked: Asked) -> FakeReply:
        form = asked.form()
        file, purpose = form.file("file"), form.text("purpose")
        if file is None or file.filename is None:
            return refused(400, "'file' is a required property")
        if purpose not in PURPOSES:
            return refused(400, f"{purpose!r} is not one of {list(PURPOSES)} - 'purpose'")
        if not file.content:
            return refused(400, "File is empty.", param="file")
        seconds = form.text("expires_after[seconds]")
        if (wrong := wrong_expiry(form.text("expires_after[anchor]"), seconds)) is not None:
            return wrong
        expires = None if seconds is None else float(seconds)
        return told(self.shown(self.add(file.filename, file.content, purpose, expires_after=expires)))

    def _list(self, asked: Asked) -> FakeReply:
        found = [file for named in list(self.kept) if (file := self.find(named)) is not None]
        if (purpose := asked.query.get("purpose")) is not None:
            found = [file for file in found if file.purpose == purpose]
        if asked.query.get("order", "desc") == "desc":
            found.reverse()
        return page([self.shown(file) for file in found], asked.query, 10_000)

    def _download(self, file: FakeFile) -> FakeReply:
        if not self.readable and file.purpose in {"assistants", "user_data", "vision"}:
            return refused(400, f"Not allowed to download files of purpose: {file.purpose}")
        headers = {"content-type": "application/octet-stream", "content-disposition": 'attachment; filename="file"'}
        return FakeReply(200, headers, file.content)

    def dump(self) -> Any:
        """The files, with their bytes as base64."""
        files = [{**asdict(file), "content": base64.b64encode(file.content).decode()} for file in self.kept.values()]
        return {"files": files, "processing": self.processing, "broken": self.broken, "readable": self.readable}

    def load(self, state: Any) -> None:
        """Go on with a state."""
        files = [FakeFile(**{**file, "content": base64.b64decode(file["content"])}) for file in state["files"]]
        self.kept = {file.id: file for file in files}
        self.processing, self.broken, self.readable = state["processing"], state["broken"], state["readable"]


def wrong_expiry(anchor: Any, seconds: Any) -> FakeReply | None:
    """What the API says of an expiry that it does not take."""
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        return refused(400, f"Invalid value: {anchor!r}. Supported values are: 'created_at'.", param="expires_after")
    low, high = EXPIRES
    if not str(seconds).isdecimal() or not low <= int(seconds) <= high:
        return refused(400, f"Invalid 'expires_after.seconds': {seconds!r}", param="expires_after.seconds")
    return None
