"""The runtime: network, clock, sleep, randomness and threads, blocking or on an event loop."""

from .base import Control, Limits, Network, Reply, Runtime
from .blocking import BlockingRuntime, drive
from .quiet import Quietly, begin

__all__ = ["BlockingRuntime", "Control", "Limits", "Network", "Quietly", "Reply", "Runtime", "begin", "drive"]
