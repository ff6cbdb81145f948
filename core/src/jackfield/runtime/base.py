"""What a runtime offers: the only door to the outside."""

from __future__ import annotations

import random
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from threading import Lock
from typing import Any, ClassVar, Final, Generic, ParamSpec, Protocol, TypeAlias, TypeVar, cast

from attrs import define, field

from ..errors import CallTimeoutError, ConnectTimeoutError, DeadlineError, ReadTimeoutError, StreamStateError
from ..http import HttpRequest

__all__ = ["Control", "Limits", "Lock", "Network", "NetworkWrapper", "Quietly", "Reply", "Runtime", "Scope", "Signal"]
__all__ += ["Start", "begin"]

P = ParamSpec("P")
T = TypeVar("T")

Start: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
Scope: TypeAlias = Callable[[], AbstractContextManager[object]]
"""Makes a context manager that is entered around each step of a call that reaches outside."""

UNSCOPED: Final = nullcontext()


@contextmanager
def _entered(scopes: tuple[Scope, ...]) -> Iterator[None]:
    with ExitStack() as stack:
        for scope in scopes:
            stack.enter_context(scope())
        yield


@define(eq=False)
class Limits:
    """Bounds in time of one exchange, in seconds of the runtime's clock. They may be changed while it goes on.

    Attributes:
        connect: the longest that connecting may take, or None.
        silence: the longest that may pass without a byte, or None.
        deadline: when everything must be over, or None.
        first: when the first event must have come, or None once it has.
    """

    connect: float | None
    silence: float | None
    deadline: float | None
    first: float | None = None

    def allowed(self, now: float, bound: float | None, error: type[CallTimeoutError], origin: str = "") -> float | None:
        """Seconds that the next wait may take, where nothing but the exchange's own bounds would end it after `bound`.

        Raises:
            DeadlineError: no time is left; or another `CallTimeoutError`, see `late`.
        """
        end = self.deadline
        if self.first is not None and (end is None or self.first < end):
            end = self.first
        if end is None:
            return bound
        left = end - now
        if left <= 0:
            raise self.late(now, error, origin)
        return left if bound is None else min(left, bound)

    def late(self, now: float, error: type[CallTimeoutError], origin: str = "") -> CallTimeoutError:
        """The error for a wait that took too long, by the bound that was the cause."""
        if self.deadline is not None and now >= self.deadline:
            return DeadlineError("the call's deadline has passed")
        if self.first is not None and now >= self.first:
            return ReadTimeoutError("the first event took too long")
        if error is ConnectTimeoutError:
            return error(f"no connection to {origin} within {self.connect} s")
        return error(f"nothing was received for {self.silence} s")


@define(eq=False)
class Signal:
    """Something that happens once, and that calls wait for with `Runtime.wait`.

    It belongs to no thread and to no event loop. It takes no lock, so that a finaliser may set it too.

    Attributes:
        happened: whether it was set.
    """

    happened: bool = field(default=False, init=False)
    _wakes: list[Callable[[], object]] = field(factory=list, init=False)

    def set(self) -> None:
        """Wake everybody who waits, now and from now on. From any thread, any number of times."""
        self.happened = True
        for wake in self._wakes[:]:
            wake()

    def attach(self, wake: Callable[[], object]) -> None:
        """Have a function called when it happens; called at once where it has. It may be called twice."""
        self._wakes.append(wake)
        if self.happened:
            wake()

    def detach(self, wake: Callable[[], object]) -> None:
        """Forget the function."""
        with suppress(ValueError):
            self._wakes.remove(wake)


@define(eq=False)
class Control:
    """One call's switch for stopping it from outside, and the token of its one reader.

    Whatever blocks on behalf of the call attaches a function that wakes it.
    No method waits, so that a finaliser may use it too.

    Attributes:
        stopped: whether the call was stopped.
    """

    stopped: bool = field(default=False, init=False)
    _reader: Lock = field(factory=Lock, init=False)
    _wake: Callable[[], object] | None = field(default=None, init=False)
    _inner: list[Control] = field(factory=list, init=False)

    def child(self) -> Control:
        """A switch for a part of the call that waits by itself; stopping the call stops it too."""
        made = Control()
        self._inner.append(made)
        if self.stopped:
            made.stop()
        return made

    def part(self, child: Control) -> None:
        """Forget a part that is over."""
        with suppress(ValueError):
            self._inner.remove(child)

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
        for child in self._inner[:]:
            child.stop()


class Reply(Protocol):
    """A reply whose body is read piece by piece."""

    status: int
    headers: dict[str, str]

    async def read(self) -> bytes | None:
        """The next bytes as the network gave them, decompressed; None at the clean end."""

    async def drain(self) -> None:
        """Read what little may follow a terminal marker, so that the connection can serve again."""

    def scrub(self, text: str) -> str:
        """The text without the credential of the request."""
        return text

    async def aclose(self) -> None:
        """Give the connection back, or drop it where the body was not read to its end."""


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

    async def aclose(self) -> None:
        """Close every connection."""


class NetworkWrapper(Protocol):
    """Stands between a client and the network that the client would have without it; not a `Network` itself."""

    def wrap(self, network: Network) -> Network:
        """Make the network that the client is to use; closing it closes the one given."""


@define(eq=False)
class Runtime(ABC):
    """The door to the outside, in one colour. A call has its own view of it, by its control, deadline and scopes."""

    blocking: ClassVar[bool]

    network: Network
    control: Control = field(factory=Control)
    deadline: float | None = None
    scopes: tuple[Scope, ...] = ()

    def bind(self, control: Control, deadline: float | None, scopes: tuple[Scope, ...] = ()) -> Runtime:
        """The same door, for one call or a part of it."""
        return type(self)(self.network, control, deadline, scopes)

    def now(self) -> float:
        """Seconds of a clock that never goes back; its zero means nothing."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def random(self) -> float:
        """A number from 0 up to 1, for jitter and ids: a program that seeds its own randomness does not repeat them."""
        return random.SystemRandom().random()

    def signal(self) -> Signal:
        """Something that calls of any kind of client can wait for, in any thread."""
        return Signal()

    async def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            DeadlineError: the call's deadline came first.
            StreamStateError: the call's stream was closed meanwhile.
        """
        await self.wait(Signal(), seconds)

    async def wait(self, signal: Signal, seconds: float | None = None) -> bool:
        """Wait for a signal, for so many seconds at most; False where it has not come by then.

        Raises:
            DeadlineError: the call's deadline came first.
            StreamStateError: the call's stream was closed meanwhile.
        """
        left = seconds
        if self.deadline is not None:
            left = min(self.deadline - self.now(), float("inf") if seconds is None else seconds)
        with self.scope():
            await self._wait(signal, None if left is None else max(left, 0.0))
        if signal.happened:
            return True
        if left != seconds:
            raise DeadlineError("the call's deadline has passed")
        return False

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that may block: in a thread under async, in place in sync."""
        with self.scope():
            return await self._run(partial(function, *args, **kwargs))

    async def race(self, *functions: Callable[[Runtime], Awaitable[T]]) -> T:
        """Run coroutine functions at once; the first to finish gives the result, or its error.

        Each is given a runtime of its own, to be used for its part of the call: `call.evolve(runtime=runtime)`.
        The others are stopped, and have ended when this returns. Under async they are cancelled. In the blocking
        runtime, where each has a thread, whatever of their runtime they wait for raises StreamStateError; a function
        that blocks is waited for.
        """
        if not functions:
            raise ValueError("race() of nothing has no winner")
        runtimes = [self.bind(self.control.child(), self.deadline, self.scopes) for _ in functions]
        outcomes: list[tuple[Runtime, T | None, Exception | None]] = []

        async def enter(function: Callable[[Runtime], Awaitable[T]], runtime: Runtime) -> None:
            try:
                outcomes.append((runtime, await function(runtime), None))
            except Exception as error:  # noqa: BLE001 - it is raised where the race is awaited
                outcomes.append((runtime, None, error))

        def stop() -> None:
            for runtime in runtimes:
                if not outcomes or runtime is not outcomes[0][0]:
                    runtime.control.stop()
                    self.control.part(runtime.control)

        try:
            await self._together([partial(enter, *entry) for entry in zip(functions, runtimes, strict=True)], stop)
        finally:
            stop()
        _, result, error = outcomes[0]
        if error is not None:
            raise error
        return cast("T", result)

    def scope(self) -> AbstractContextManager[object]:
        """Enters the scopes of the call, around a step that reaches outside."""
        return _entered(self.scopes) if self.scopes else UNSCOPED

    @abstractmethod
    async def _wait(self, signal: Signal, seconds: float | None) -> None:
        """Let time pass until the signal comes or the call's control wakes."""

    @abstractmethod
    async def _run(self, function: Callable[[], T]) -> T:
        """Run a function that may block."""

    @abstractmethod
    async def _together(self, starts: Sequence[Start], stop: Callable[[], None]) -> None:
        """Run coroutines at once until one has ended, then stop the others, and return when all have ended."""

    @abstractmethod
    async def finish(self, close: Callable[[], Any], seconds: float, *, apart: bool = False) -> None:
        """Run a clean-up that cancellation does not cut, for so many seconds at most, where a runtime can bound it.

        `apart` says that it is our own and may run in a task of its own, out of reach of asyncio's `Task.cancel`.
        """

    @abstractmethod
    def reaper(self) -> Callable[[Callable[[], Any]], None]:
        """A function, callable from a finaliser, that has a clean-up of this runtime's colour run."""


# --- starts an async generator so that no event loop adopts it and no finaliser of its own runs: the stage that owns a
# generator closes it, in its order; a loop's hooks would close it at a time of their own


def _leave_alone(generator: object) -> None:
    """Stand in for a loop's finaliser: without one, CPython would throw GeneratorExit into a suspended await."""


def begin(iterator: AsyncIterator[T]) -> Any:
    """The awaitable of the first step; the hooks bind at the call, not at the await."""
    first, final = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, _leave_alone)
    try:
        return anext(iterator)
    finally:
        sys.set_asyncgen_hooks(first, final)


class Quietly(Generic[T]):
    """Awaits something under these hooks, so that the generators which start inside it are left alone as well."""

    __slots__ = ("_awaitable",)

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self._awaitable = awaitable

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._awaitable.__await__()
        resume: Any = steps.__next__
        while True:
            hooks = sys.get_asyncgen_hooks()
            sys.set_asyncgen_hooks(None, _leave_alone)
            try:
                waits_for = resume()
            except StopIteration as stop:
                return cast("T", stop.value)
            finally:
                sys.set_asyncgen_hooks(*hooks)
            try:
                value = yield waits_for
                resume = partial(steps.send, value)
            except BaseException as error:  # noqa: BLE001 - cancellation goes in where the wait is
                resume = partial(steps.throw, error)
