"""The provider-neutral vocabulary: frozen values without behavior of their own."""

from . import content, events, facts, tools
from .content import *
from .events import *
from .facts import *
from .tools import *

__all__ = content.__all__ + events.__all__ + facts.__all__ + tools.__all__
