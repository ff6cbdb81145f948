import pytest
from llama import llama


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The base URL of a real server with a tiny model."""
    with llama(tmp_path_factory.mktemp("llama")) as url:
        yield url


@pytest.fixture(scope="session")
def small_server(tmp_path_factory):
    """The same with room for 128 tokens in each of its four slots."""
    with llama(tmp_path_factory.mktemp("small"), context=512) as url:
        yield url


@pytest.fixture(scope="session")
def embedding_server(tmp_path_factory):
    """The same, which gives vectors."""
    with llama(tmp_path_factory.mktemp("embed"), 4096, "embeddings") as url:
        yield url
