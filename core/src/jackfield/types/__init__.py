"""The provider-neutral vocabulary: frozen values without behavior of their own."""

from . import content, events
from .content import *
from .events import *

__all__ = content.__all__ + events.__all__
