"""Fixtures that several files share."""

from configured import client, made

__all__ = ["client", "made"]
