"""The runtime: network, clock, sleep, randomness and threads, blocking or on an event loop."""

from .base import Control, Limits, Lock, Network, NetworkWrapper, Quietly, Reply, Runtime, Scope, Signal, begin
from .blocking import ADVICE, BlockingRuntime, drive, wants_loop

__all__ = ["ADVICE", "BlockingRuntime", "Control", "Limits", "Lock", "Network", "Quietly", "Reply", "Runtime", "Scope"]
__all__ += ["NetworkWrapper", "Signal", "begin", "drive", "wants_loop"]
