"""Runs Jackfield clients in simulated time, on a scripted network: for tests of applications and of plugins."""

from __future__ import annotations

from .network import Answer, Asked, Fault, Handler, Script
from .simulation import Simulation
from .tasks import Cancelled, DeadlockError, SimulationError, Task

__all__ = ["Answer", "Asked", "Cancelled", "DeadlockError", "Fault", "Handler", "Script", "Simulation"]
__all__ += ["SimulationError", "Task"]
