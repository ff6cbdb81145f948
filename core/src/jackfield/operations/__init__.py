"""Operations: what a provider can be asked to do."""

from . import asking, base, chat, complete, embed, messages, models, saved
from .asking import *
from .base import *
from .chat import *
from .complete import *
from .embed import *
from .messages import *
from .models import *
from .saved import *

__all__ = (
    asking.__all__
    + base.__all__
    + chat.__all__
    + complete.__all__
    + embed.__all__
    + messages.__all__
    + models.__all__
    + saved.__all__
)
