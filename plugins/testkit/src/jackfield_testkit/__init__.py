"""For tests of applications and of plugins: simulated time, scripted and recorded networks, suites and more."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .network import Answer, Asked, Fault, Handler, Script
    from .player import PLAYS, Player, playing
    from .simulation import Simulation
    from .tasks import Cancelled, DeadlockError, SimulationError, Task
    from .transport import FunctionNetwork, TransportFunction

__all__ = ["Answer", "Asked", "Cancelled", "DeadlockError", "Fault", "FunctionNetwork", "Handler", "Script"]
__all__ += ["PLAYS", "Player", "Simulation", "SimulationError", "Task", "TransportFunction", "playing"]

# pytest imports this package whenever it starts, for the fixture: whoever does not use it should not pay for it
_HOME: Final = {
    "network": ("Answer", "Asked", "Fault", "Handler", "Script"),
    "player": ("PLAYS", "Player", "playing"),
    "simulation": ("Simulation",),
    "tasks": ("Cancelled", "DeadlockError", "SimulationError", "Task"),
    "transport": ("FunctionNetwork", "TransportFunction"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOME.items():
        if name in names:
            value = globals()[name] = getattr(importlib.import_module(f".{home}", __name__), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
