"""What runs in a simulation, and what it waits for."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from jackfield.runtime import Control, Signal

if TYPE_CHECKING:
    from .simulation import Simulation

__all__ = ["Cancelled", "DeadlockError", "SimulationError", "Task", "Wait"]

T = TypeVar("T")


class SimulationError(Exception):
    """The simulation cannot go on."""


class DeadlockError(SimulationError):
    """Nothing can happen any more, and somebody waits: the message says who, and where."""


class Cancelled(BaseException):
    """What is raised in a task that is cancelled, where it waits."""


class Wait:
    """One wait of one task; waking it twice, or when it is over, does nothing.

    Attributes:
        place: the line that waits.
        over: whether it was woken, or given up.
    """

    def __init__(self, simulation: Simulation, task: Task[Any], place: str) -> None:
        self._simulation = simulation
        self._task = task
        self.place: str = place
        self.over: bool = False

    def wake(self) -> None:
        """Let the task go on."""
        if not self.over:
            self.over = True
            self._simulation.ready.append(self._task)


class Task(Generic[T]):
    """Something that runs in a simulation beside others.

    Attributes:
        name: what traces and errors call it.
        ended: set when it has ended, however it did.
        error: what it ended with, or None.
    """

    def __init__(self, simulation: Simulation, coroutine: Coroutine[Any, Any, T], name: str) -> None:
        self.name: str = name
        self.ended: Signal = Signal()
        self.error: BaseException | None = None
        self.coroutine: Coroutine[Any, Any, T] = coroutine
        self.context: Context = copy_context()
        self.wait: Wait | None = None
        self.raises: BaseException | None = None
        self.shields: int = 0
        self._cancelled = False
        self._results: list[T] = []
        self._simulation = simulation

    def cancel(self) -> None:
        """Raise `Cancelled` where it waits, or at its next wait; a clean-up under way is finished first."""
        if not self.ended.happened:
            self._simulation.note(f"{self.name} is cancelled")
            self._cancelled = True
            if not self.shields:
                self.interrupt(Cancelled())

    def interrupt(self, error: BaseException) -> None:
        """Raise an error where it waits."""
        self.raises = error
        if self.wait is not None:
            self.wait.wake()

    def take(self) -> BaseException | None:
        """What is to be raised in it now, if anything."""
        if self.raises is None and self._cancelled and not self.shields:
            self.raises = Cancelled()
        error, self.raises = self.raises, None
        if isinstance(error, Cancelled):
            self._cancelled = False
        return error

    def end(self, error: BaseException | None, results: list[T]) -> None:
        """Take down how it ended."""
        self.error, self._results = error, results
        self._simulation.note(f"{self.name} ends" + (f" with {type(error).__name__}" if error else ""))
        self.ended.set()

    def result(self) -> T:
        """What it returned; raises what it raised.

        Raises:
            SimulationError: it has not ended yet.
        """
        if self.error is not None:
            raise self.error
        if not self._results:
            raise SimulationError(f"{self.name} has not ended yet")
        return self._results[0]

    def __await__(self) -> Generator[Any, Any, T]:
        yield from self._simulation.pause(Control(), self.ended, None).__await__()
        return self.result()
