"""The fake itself: its rooms, its clock, its ids and its faults."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from attrs import evolve

from jackfield.http import HttpRequest, HttpResponse

from .base import Asked, FakeReply, Fault, Room, refused
from .batches import FakeBatches
from .files import FakeFiles
from .fine_tuning import FakeFineTuning
from .uploads import FakeUploads

__all__ = ["FakeOpenAI"]

BEGINNING: Final = 1_767_225_600.0  # 2026 begins
KEPT: Final = 1000


class FakeOpenAI:
    """Answers requests as OpenAI does. Called with a request it gives the whole reply; see `serve` for loopback.

    Attributes:
        files: the files.
        uploads: the uploads in parts.
        fine_tuning: the jobs that tune models.
        batches: the batches.
        rooms: every part of the API that it has.
        lines: method and path of the last thousand requests: "GET /files/file-1".
        asked: these requests, without the bodies that are larger than a megabyte.
        faults: what goes wrong from now on; `fail` adds to it.
        tick: seconds that pass with each request.
    """

    def __init__(self, *, clock: Callable[[], float] | None = None, tick: float = 0.0) -> None:
        """Have nothing yet; with a clock of one's own, or one that stands still until it is moved."""
        self.tick = tick
        self.asked: deque[Asked] = deque(maxlen=KEPT)
        self.faults: list[Fault] = []
        self._clock = clock
        self._now = BEGINNING
        self._made = 0
        self._lock = threading.RLock()
        self.files = FakeFiles(self)
        self.uploads = FakeUploads(self)
        self.fine_tuning = FakeFineTuning(self)
        self.batches = FakeBatches(self)
        # batches come first: they write files when their time has come
        self.rooms: tuple[Room, ...] = (self.batches, self.fine_tuning, self.files, self.uploads)

    @property
    def now(self) -> float:
        """Its time, in seconds since 1970."""
        return self._now if self._clock is None else self._clock()

    @property
    def lines(self) -> list[str]:
        """Method and path of each request."""
        return [asked.line for asked in self.asked]

    def advance(self, seconds: float) -> None:
        """Let time pass, where the clock is the fake's own."""
        self._now += seconds

    def fail(self, on: str = "*", **how: Any) -> None:
        """Have the next such request fail; see `Fault`."""
        self.faults.append(Fault(on=on, **how))

    def made(self, prefix: str) -> str:
        """An id that nothing has yet."""
        self._made += 1
        return f"{prefix}{self._made:012d}"

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The whole reply at once, for `FunctionNetwork`."""
        return self.reply(request).response

    def reply(self, request: HttpRequest) -> FakeReply:
        """The reply to a request, with what goes wrong in it."""
        with self._lock:
            asked = Asked.of(request)
            self.asked.append(asked if len(asked.body) <= 1_000_000 else evolve(asked, body=b""))
            self._now += self.tick
            fault = next((fault for fault in self.faults if fault.strikes(asked.line)), None)
            if fault is None:
                return self._answer(asked)
            if fault.lost == "request":
                return FakeReply(0, {}, lost=True)
            if fault.lost == "reply" or fault.cut is not None:
                return evolve(self._answer(asked), lost=fault.lost is not None, cut=fault.cut)
            return fault.reply

    def dump(self) -> dict[str, Any]:
        """All of its state but the faults, as JSON can hold it."""
        with self._lock:
            rooms = {room.name: room.dump() for room in self.rooms}
            return {"now": self._now, "made": self._made, "rooms": rooms}

    @classmethod
    def load(cls, state: Mapping[str, Any], **how: Any) -> Self:
        """One that goes on with a state, as after a restart."""
        fake = cls(**how)
        fake._now, fake._made = state["now"], state["made"]
        for room in fake.rooms:
            if room.name in state["rooms"]:
                room.load(state["rooms"][room.name])
        return fake

    def _answer(self, asked: Asked) -> FakeReply:
        for room in self.rooms:
            if (reply := room.answer(asked)) is not None:
                return reply
        line = f"{asked.method} /v1/{'/'.join(asked.steps)}"
        return refused(404, f"Invalid URL ({line})")
