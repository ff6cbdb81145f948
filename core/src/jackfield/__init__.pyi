# What type checkers read: they cannot see names that are fetched when they are first asked for.
from typing import Final

from .call import Call as Call, Target as Target, Timeouts as Timeouts
from .client import AsyncClient as AsyncClient, Client as Client
from .endpoint import Secret as Secret
from .errors import (
    ConfigurationError as ConfigurationError,
    JackfieldError as JackfieldError,
    StreamStateError as StreamStateError,
    TruncatedStreamError as TruncatedStreamError,
    UnsupportedError as UnsupportedError,
)
from .middleware import Slot as Slot
from .operations import *
from .stream import AsyncStream as AsyncStream, Stream as Stream
from .types import *

__version__: Final[str]
