# What type checkers read: they do not follow `__all__` through several files.
from .asking import *
from .base import *
from .chat import *
from .complete import *
from .embed import *
from .models import *
from .saved import *
