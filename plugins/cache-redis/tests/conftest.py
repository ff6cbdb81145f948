"""A Redis server: the one that JACKFIELD_TEST_REDIS names, or one of the test run's own."""

import os

import pytest
from redis_server import RedisServer, installed

import jackfield as jf
from jackfield_cache_redis import RedisSettings, RedisStore

NAMED = os.environ.get("JACKFIELD_TEST_REDIS")


@pytest.fixture(scope="session")
def url(tmp_path_factory):
    """The address of a server that runs."""
    if NAMED:
        yield NAMED
        return
    server = _started(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.stop()


@pytest.fixture
def server(tmp_path):
    """A server of the test's own, to be stopped and started."""
    started = _started(tmp_path)
    yield started
    started.stop()


def _started(folder, *options):
    if not installed():
        # where a server was promised, its tests must not be left out
        (pytest.fail if NAMED else pytest.skip)("redis-server is not installed")
    return RedisServer(folder, *options)


@pytest.fixture
def make(request):
    """Makes stores whose keys are this test's own."""
    made = []

    def build(address, **settings):
        prefix = f"test:{os.getpid()}:{abs(hash(request.node.nodeid))}:"
        store = RedisStore(RedisSettings(url=jf.Secret(address), **{"prefix": prefix, **settings}))
        made.append(store)
        return store

    yield build
    for store in made:
        store.close()
