"""Fixtures that several files share."""

from configured import clean_folder, client, made, plugins, registry
from distributions import installed

__all__ = ["clean_folder", "client", "installed", "made", "plugins", "registry"]
