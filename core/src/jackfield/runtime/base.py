"""What a runtime offers: the only door to the outside."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import Lock
from typing import Any, ParamSpec, Protocol, TypeVar

from ..errors import DeadlineError, StreamStateError
from ..http import HttpRequest

__all__ = ["Control", "Limits", "Lock", "Network", "Reply", "Runtime"]

P = ParamSpec("P")
T = TypeVar("T")


class Limits:
    """Bounds in time of one exchange, in seconds of the runtime's clock. They may be changed while it goes on.

    Attributes:
        connect: the longest that connecting may take, or None.
        silence: the longest that may pass without a byte, or None.
        deadline: when everything must be over, or None.
        first: when the first event must have come, or None once it has.
    """

    __slots__ = ("connect", "deadline", "first", "silence")

    def __init__(self, connect: float | None, silence: float | None, deadline: float | None) -> None:
        self.connect: float | None = connect
        self.silence: float | None = silence
        self.deadline: float | None = deadline
        self.first: float | None = None


class Control:
    """One call's switch for stopping it from outside, and the token of its one reader.

    Whatever blocks on behalf of the call attaches a function that wakes it.
    No method waits, so that a finaliser may use it too.

    Attributes:
        stopped: whether the call was stopped.
        deadline: when the call as a whole must be over, in seconds of the runtime's clock, or None.
    """

    __slots__ = ("_reader", "_wake", "deadline", "stopped")

    def __init__(self) -> None:
        self.stopped: bool = False
        self.deadline: float | None = None
        self._reader = Lock()
        self._wake: Callable[[], object] | None = None

    def claim(self) -> bool:
        """Become the one who steps this call; False where somebody else does."""
        return self._reader.acquire(blocking=False)

    def release(self) -> None:
        """Stop being the one who steps this call."""
        self._reader.release()

    def attach(self, wake: Callable[[], object] | None) -> None:
        """Name what interrupts the wait that is about to begin; None when it is over.

        Raises:
            StreamStateError: the call was stopped.
        """
        self._wake = wake
        if self.stopped:
            self._wake = None
            raise StreamStateError("the stream was closed while it was being read")

    def detach(self) -> None:
        """The wait is over, however it ended."""
        self._wake = None

    def stop(self) -> None:
        """Interrupt whatever the call waits for."""
        self.stopped = True
        wake = self._wake
        if wake is not None:
            wake()


class Reply(Protocol):
    """A reply whose body is read piece by piece."""

    status: int
    headers: dict[str, str]

    async def read(self) -> bytes | None:
        """The next bytes as the network gave them, decompressed; None at the clean end."""
        ...

    async def drain(self) -> None:
        """Read what little may follow a terminal marker, so that the connection can serve again."""
        ...

    def scrub(self, text: str) -> str:
        """The text without the credential of the request."""
        ...

    async def aclose(self) -> None:
        """Give the connection back, or drop it where the body was not read to its end."""
        ...


class Network(Protocol):
    """Sends requests. One object serves many calls at once.

    Attributes:
        name: what it is built on, for people.
    """

    name: str

    async def send(
        self, target: Any, request: HttpRequest, limits: Limits, control: Control, *, repeatable: bool
    ) -> Reply:
        """Send a request to a `jackfield.provider.Endpoint` and wait for the head of the reply.

        `repeatable` tells whether sending it twice has no effect beyond its price.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class Runtime(ABC):
    """The door to the outside, in one colour. A call's own view of it can be woken by `control`."""

    __slots__ = ("control", "network")

    blocking: bool

    def __init__(self, network: Network, control: Control | None = None) -> None:
        self.network: Network = network
        self.control: Control = control or Control()

    def bind(self, control: Control) -> Runtime:
        """The same door, for one call."""
        return type(self)(self.network, control)

    def now(self) -> float:
        """Seconds of a clock that never goes back; its zero means nothing."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def random(self) -> float:
        """A number from 0 up to 1, for jitter, never for secrets."""
        return random.random()  # noqa: S311 - jitter is no secret

    async def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            DeadlineError: the call's deadline came first.
            StreamStateError: the call's stream was closed meanwhile.
        """
        deadline = self.control.deadline
        left = seconds if deadline is None else min(seconds, deadline - self.now())
        await self._wait(max(left, 0.0))
        if left < seconds:
            raise DeadlineError("the call's deadline has passed")

    @abstractmethod
    async def _wait(self, seconds: float) -> None:
        """Let time pass, or be woken by the call's control."""

    @abstractmethod
    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that may block: in a thread under async, in place in sync."""

    @abstractmethod
    async def finish(self, close: Callable[[], Any], seconds: float, *, apart: bool = False) -> None:
        """Run a clean-up that cancellation does not cut, for so many seconds at most, where a runtime can bound it.

        `apart` says that it is our own and may run in a task of its own, out of reach of asyncio's `Task.cancel`.
        """

    @abstractmethod
    def reaper(self) -> Callable[[Callable[[], Any]], None]:
        """A function, callable from a finaliser, that has a clean-up of this runtime's colour run."""
