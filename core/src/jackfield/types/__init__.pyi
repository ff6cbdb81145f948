# What type checkers read: they do not follow `__all__` through several files.
from .content import *
from .events import *
