"""Operations: what a provider can be asked to do."""

from . import asking, base, chat, complete, embed, models, saved
from .asking import *
from .base import *
from .chat import *
from .complete import *
from .embed import *
from .models import *
from .saved import *

__all__ = [name for file in (asking, base, chat, complete, embed, models, saved) for name in file.__all__]
