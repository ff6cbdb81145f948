"""The runtime: network, clock, sleep, randomness and threads, blocking or on an event loop."""

from .base import Control, Limits, Lock, Network, Reply, Runtime, Scope, Signal
from .blocking import ADVICE, BlockingRuntime, drive, wants_loop
from .quiet import Quietly, begin

__all__ = ["ADVICE", "BlockingRuntime", "Control", "Limits", "Lock", "Network", "Quietly", "Reply", "Runtime", "Scope"]
__all__ += ["Signal", "begin", "drive", "wants_loop"]
