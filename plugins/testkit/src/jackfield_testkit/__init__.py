"""For tests of applications and of plugins: simulated time, a scripted network, a provider that plays, and suites."""

from __future__ import annotations

from .network import Answer, Asked, Fault, Handler, Script
from .playing import PLAYS, Player, playing
from .simulation import Simulation
from .tasks import Cancelled, DeadlockError, SimulationError, Task
from .transport import FunctionNetwork, TransportFunction

__all__ = ["Answer", "Asked", "Cancelled", "DeadlockError", "Fault", "FunctionNetwork", "Handler", "Script"]
__all__ += ["PLAYS", "Player", "Simulation", "SimulationError", "Task", "TransportFunction", "playing"]
