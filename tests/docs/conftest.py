import importlib.util
import json

import pytest
from llama import llama
from scripted import Scripted, completion, delta, event, part, reply, stream_head


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The base URL of a real server with a tiny model; where there is none to be had, of one that is told what to say.

    The documents are run everywhere: which server answers makes no difference to what they claim.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        with Scripted(answer) as told:
            yield told.url
    else:
        with llama(tmp_path_factory.mktemp("llama")) as url:
            yield url


def answer(request):
    if request.startswith(b"POST /completion "):
        facts = {"model": "tiny-llama", "stop_type": "limit", "tokens_evaluated": 3, "tokens_predicted": 5}
        return [reply(json.dumps({"content": "Hi there", **facts}))]
    if b'"stream":true' in request:
        chunks = [event(delta("Hi there")), event(delta(finish="stop")), event("[DONE]")]
        return [stream_head(), *chunks, part(b"")]
    return [reply(completion("Hi there"))]
