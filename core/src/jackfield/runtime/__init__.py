"""The runtime: network, clock, sleep, randomness and threads, blocking or on an event loop."""

from .base import Control, Limits, Lock, Network, Reply, Runtime, Scope, Signal
from .blocking import ADVICE, BlockingRuntime, drive, wants_loop
from .quiet import Quietly, begin
from .transport import FunctionNetwork, TransportFunction

__all__ = ["ADVICE", "BlockingRuntime", "Control", "FunctionNetwork", "Limits", "Lock", "Network", "Quietly", "Reply"]
__all__ += ["Runtime", "Scope", "Signal", "TransportFunction", "begin", "drive", "wants_loop"]
