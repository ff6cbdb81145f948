"""Fixtures that several files share."""

from configured import clean_folder, client, made, plugins, registry

__all__ = ["clean_folder", "client", "made", "plugins", "registry"]
