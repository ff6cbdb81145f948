"""Fixtures that several files share."""

from configured import clean_folder, client, made, plugins, registry

__all__ = ["client", "made", "clean_folder", "plugins", "registry"]
