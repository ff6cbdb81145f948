"""A cache in front of a provider in memory, in each store that comes along."""

import pytest
from fakes import playing

from jackfield_cache import Cache, CacheSettings, MemoryStore
from jackfield_cache.sqlite import SqliteSettings, SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """An empty store."""
    made = MemoryStore() if request.param == "memory" else SqliteStore(SqliteSettings(path=str(tmp_path / "c.sqlite")))
    yield made
    made.close()


@pytest.fixture
def caching():
    """Arguments of a client that has a cache with these settings before this provider."""

    def options(player, *before, **settings):
        cache = Cache(CacheSettings(**settings))
        return cache, {**playing(player), "middleware": [*before, cache]}

    return options
