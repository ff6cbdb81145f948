"""A runtime without an outside: its clock is virtual, its chance is seeded, its network is a script.

It is its own scheduler, and nothing in it waits for real, so that an hour of retries takes a millisecond.
What runs at the same virtual time runs in an order that the seed decides; the same seed gives the same run.
"""

from __future__ import annotations

import heapq
import sys
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from random import Random
from typing import Any, Final, Self, TypeVar

from jackfield import AsyncClient
from jackfield.http import HttpResponse
from jackfield.runtime import Control, Runtime, Scope, Signal

from .network import Asked, Script, SimulatedNetwork
from .tasks import Cancelled, DeadlockError, SimulationError, Task, Wait

__all__ = ["SimulatedRuntime", "Simulation"]

T = TypeVar("T")

EPOCH: Final = 1_750_000_000.0  # what the wall clock says when a simulation begins
STEPS: Final = 1_000_000
PARKED: Final = object()
OURS: Final = ("jackfield.runtime", "jackfield_testkit")


class _Enough(BaseException):
    """A clean-up has taken all its time."""


@types.coroutine
def _parked() -> Generator[object, None, None]:
    yield PARKED


class SimulatedRuntime(Runtime):
    """The runtime of a simulation; see `jackfield.runtime.Runtime`."""

    __slots__ = ("_simulation",)

    blocking = False

    def __init__(
        self,
        simulation: Simulation,
        control: Control | None = None,
        deadline: float | None = None,
        scopes: tuple[Scope, ...] = (),
    ) -> None:
        super().__init__(simulation.network, control or Control(), deadline, scopes)
        self._simulation = simulation

    def bind(self, control: Control, deadline: float | None, scopes: tuple[Scope, ...] = ()) -> SimulatedRuntime:
        """The same door, for one call or a part of it."""
        return type(self)(self._simulation, control, deadline, scopes)

    def now(self) -> float:
        """Seconds since the simulation began."""
        return self._simulation.now

    def wall(self) -> float:
        """Seconds since 1970, as if the simulation had begun at one fixed moment."""
        return EPOCH + self._simulation.now

    def random(self) -> float:
        """The next number of the seed."""
        return self._simulation.chance.random()

    async def _wait(self, signal: Signal, seconds: float | None) -> None:
        await self._simulation.pause(self.control, signal, seconds)

    async def _run(self, function: Callable[[], T]) -> T:
        await self._simulation.pause(Control(), None, 0)  # a thread takes a moment, in which others run
        return function()

    async def _together(
        self, starts: Sequence[Callable[[], Coroutine[Any, Any, None]]], stop: Callable[[], None]
    ) -> None:
        first = Signal()

        async def enter(start: Callable[[], Coroutine[Any, Any, None]]) -> None:
            try:
                await start()
            finally:
                first.set()

        tasks = [self._simulation.spawn(enter(start)) for start in starts]

        async def ended() -> None:
            for task in tasks:
                await self._simulation.pause(Control(), task.ended, None)

        try:
            await self._simulation.pause(self.control, first, None)
        finally:
            stop()
            for task in tasks:
                task.cancel()
            await self.finish(ended, float("inf"))

    async def finish(self, close: Callable[[], Any], seconds: float, *, apart: bool = False) -> None:
        """Run the clean-up where cancellation of this task does not cut it."""
        task, enough = self._simulation.task, _Enough()
        task.shields += 1
        over = self._simulation.later(seconds, lambda: task.interrupt(enough))
        try:
            await close()
        except _Enough as error:
            if error is not enough:
                raise
        finally:
            over.over = True
            task.shields -= 1

    def reaper(self) -> Callable[[Callable[[], Any]], None]:
        """The clean-up of something that was dropped becomes a task."""
        return lambda close: None if self._simulation.closed else (self._simulation.spawn(close()), None)[1]


class Timer:
    """A function to call at a virtual time, unless `over` is set by then."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake: Callable[[], None] = wake
        self.over: bool = False


class Simulation:
    """A world for clients: time, chance, a network, and tasks that run beside one another.

    >>> simulation = Simulation(network=HttpResponse(200))
    >>> client = simulation.client({"default": "mock"})
    >>> simulation.run(client.chat("Hello")).provider
    'mock'

    Attributes:
        seed: what decides every choice.
        chance: the seeded random numbers of `runtime.random()`, for a script's own use too.
        requests: every request that was sent, in order.
        trace: what happened, line by line; the same seed gives the same lines.
        tasks: those that have not ended.
    """

    def __init__(self, network: Script = HttpResponse(200), *, seed: int = 0) -> None:  # noqa: B008 - it is frozen
        """Make a world whose network answers as `network` says; see `jackfield_testkit.Script`."""
        self.seed: int = seed
        self.now: float = 0.0
        self.chance: Random = Random(f"{seed} chance")  # noqa: S311 - it must repeat
        self.requests: list[Asked] = []
        self.trace: list[str] = []
        self.tasks: list[Task[Any]] = []
        self.network: SimulatedNetwork = SimulatedNetwork(self, network)
        self.ready: list[Task[Any]] = []
        self.closed: bool = False
        self._order = Random(f"{seed} order")  # noqa: S311 - it must repeat
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = 0
        self._task: Task[Any] | None = None

    def client(self, config: Any = None, **options: Any) -> AsyncClient:
        """An `AsyncClient` of this world; takes what that takes. Its calls run in `run` and `spawn`."""
        return AsyncClient(config, transport=SimulatedRuntime(self), **options)

    @property
    def runtime(self) -> SimulatedRuntime:
        """A runtime of this world that belongs to no call, for a test's own `sleep` or `wait`."""
        return SimulatedRuntime(self)

    @property
    def open(self) -> list[Asked]:
        """The requests whose connection has not been given back."""
        return [asked for asked in self.requests if asked.closed is None]

    def spawn(self, awaitable: Awaitable[T], name: str | None = None) -> Task[T]:
        """Let something run beside what runs already, from now on."""
        coroutine = awaitable if isinstance(awaitable, Coroutine) else _awaited(awaitable)
        self._numbers += 1
        task: Task[T] = Task(self, coroutine, name or f"task {self._numbers}")
        self.tasks.append(task)
        self.ready.append(task)
        return task

    def run(self, awaitable: Awaitable[T]) -> T:
        """Run until this has ended, and give its result. Other tasks stay as far as they have come.

        Raises:
            DeadlockError: it waits for what cannot come.
        """
        self._check_outside()
        main = self.spawn(awaitable, "main")
        self._until(lambda: main.ended.happened)
        return main.result()

    def gather(self, *awaitables: Awaitable[T]) -> list[T | BaseException]:
        """Run several at once until all have ended; each result, or what it raised."""
        self._check_outside()
        tasks = [self.spawn(awaitable) for awaitable in awaitables]
        self._until(lambda: all(task.ended.happened for task in tasks))
        return [task.result() if task.error is None else task.error for task in tasks]

    def finish(self) -> None:
        """Run until every task has ended. Raises the error of the first that failed, cancelled ones aside.

        Raises:
            DeadlockError: one waits for what cannot come.
        """
        self._check_outside()
        tasks = self.tasks[:]
        self._until(lambda: not self.tasks)
        for task in tasks:
            if task.error is not None and not isinstance(task.error, Cancelled):
                raise task.error

    def close(self) -> None:
        """Cancel what still runs, and let it end."""
        for task in self.tasks:
            task.cancel()
        self._until(lambda: not self.tasks)
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def note(self, what: str) -> None:
        """Write a line into the trace."""
        self.trace.append(f"{self.now:.6f} {self._task.name if self._task else 'outside'}: {what}")

    # --- for the runtime and the network --------------------------------------------------------------------

    @property
    def task(self) -> Task[Any]:
        """The task that runs now."""
        if self._task is None:
            raise SimulationError("a simulated client works inside simulation.run(...) or spawn(...)")
        return self._task

    def later(self, seconds: float, wake: Callable[[], None]) -> Timer:
        """Call a function at a virtual time, unless the timer is over by then."""
        timer = Timer(wake)
        if seconds != float("inf"):
            self._numbers += 1
            heapq.heappush(self._timers, (self.now + seconds, self._numbers, timer))
        return timer

    async def pause(self, control: Control, signal: Signal | None, seconds: float | None) -> None:
        """Let the others run until the signal comes, the control wakes, or so many seconds have passed."""
        task = self.task
        if (error := task.take()) is not None:
            raise error
        wait = task.wait = Wait(self, task, _place())
        control.attach(wait.wake)
        signal = signal or Signal()
        signal.attach(wait.wake)
        timer = self.later(float("inf") if seconds is None else seconds, wait.wake)
        try:
            await _parked()
        finally:
            task.wait, wait.over, timer.over = None, True, True
            signal.detach(wait.wake)
            control.detach()
        control.attach(None)

    def _check_outside(self) -> None:
        if self._task is not None:
            raise SimulationError("the simulation runs already: await this instead")

    def _until(self, done: Callable[[], bool]) -> None:
        for _ in range(STEPS):
            if done():
                return
            if self.ready:
                self._step(self.ready.pop(self._order.randrange(len(self.ready))))
            elif not self._pass_time():
                waits = [f"{task.name} waits in {task.wait.place}" for task in self.tasks if task.wait is not None]
                raise DeadlockError(f"at {self.now:g} s nothing can happen any more: " + "; ".join(waits))
        raise SimulationError(f"still running after {STEPS} steps, at {self.now:g} s")

    def _pass_time(self) -> bool:
        while self._timers:
            at, _, timer = heapq.heappop(self._timers)
            if not timer.over:
                self.now = max(self.now, at)
                timer.wake()
                return True
        return False

    def _step(self, task: Task[Any]) -> None:
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, None)  # a surrounding loop must not adopt what begins in here
        self._task = task
        try:
            error = task.take()
            resume = task.coroutine.send if error is None else task.coroutine.throw
            waits_for = task.context.run(resume, error)  # type: ignore[arg-type]
        except StopIteration as stop:
            self._ended(task, None, [stop.value])
        except (KeyboardInterrupt, SystemExit):
            self._ended(task, Cancelled(), [])
            raise
        except BaseException as error:  # noqa: BLE001 - it is the task's, and is raised where that is looked at
            self._ended(task, error, [])
        else:
            if waits_for is not PARKED:
                foreign = f"{task.name} awaits {waits_for!r}: in a simulation there is only call.runtime to wait for"
                task.raises = SimulationError(foreign)
                self.ready.append(task)
        finally:
            self._task = None
            sys.set_asyncgen_hooks(*hooks)

    def _ended(self, task: Task[Any], error: BaseException | None, results: list[Any]) -> None:
        self.tasks.remove(task)
        task.end(error, results)


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _place() -> str:
    """Where the wait that begins was asked for: the nearest line that is neither the runtime's nor ours."""
    frame: types.FrameType | None = sys._getframe(1)  # noqa: SLF001 - it is there for this
    while frame is not None and frame.f_globals.get("__name__", "").startswith(OURS):
        frame = frame.f_back
    return "?" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno} ({frame.f_code.co_qualname})"
