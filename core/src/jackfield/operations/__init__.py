"""Operations: what a provider can be asked to do."""

from .base import Fold, Operation, Request
from .chat import CHAT, ChatOptions, ChatRequest, ChatResponse, Choice
from .messages import MessagesLike, ToolChoiceLike, ToolLike

__all__ = [
    "CHAT",
    "ChatOptions",
    "ChatRequest",
    "ChatResponse",
    "Choice",
    "Fold",
    "MessagesLike",
    "Operation",
    "Request",
    "ToolChoiceLike",
    "ToolLike",
]
