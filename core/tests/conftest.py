"""Fixtures that several files share."""

from configured import client, made, place, plugins, registry

__all__ = ["client", "made", "place", "plugins", "registry"]
