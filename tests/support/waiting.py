"""A middleware under which the rest of the chain waits in no time: what it sleeps is written down."""

from __future__ import annotations

from typing import Any

from jackfield import Slot
from jackfield.errors import DeadlineError


class Waiting:
    """`slept` holds each sleep in seconds."""

    slot = Slot.ATTEMPT

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, call, proceed):
        async for event in proceed(call.evolve(runtime=_Runtime(call, self.slept))):
            yield event


class _Runtime:
    def __init__(self, call: Any, slept: list[float]) -> None:
        self._inner = call.runtime
        self._begun = call.runtime.now()
        self._deadline = call.deadline
        self._slept = slept
        self._passed = 0.0

    def now(self) -> float:
        return self._begun + self._passed

    async def sleep(self, seconds: float) -> None:
        left = seconds if self._deadline is None else min(seconds, self._deadline - self.now())
        self._slept.append(left)
        self._passed += left
        if left < seconds:
            raise DeadlineError("the call's deadline has passed")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
