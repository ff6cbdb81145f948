import importlib.util
import json

import pytest
from llama import llama
from scripted import Scripted, completion, delta, event, part, reply, stream_head

from jackfield import testing


@pytest.fixture(autouse=True)
def requests_allowed():
    """A document that forbids requests forbids them for itself."""
    yield
    testing.allow_requests()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The base URL of a real server with a tiny model; where there is none to be had, of one that is told what to say.

    The documents are run everywhere: which server answers makes no difference to what they claim.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        with Scripted(answer) as told:
            yield told.url
    else:
        with llama(tmp_path_factory.mktemp("llama"), 32768, "embeddings") as url:
            yield url


def text_chunk(text, finish=None):
    tokens = {"tokens": [text], "token_logprobs": [-0.1], "top_logprobs": [{text: -0.1}], "text_offset": [0]}
    choice = {"index": 0, "text": text, "logprobs": tokens, "finish_reason": finish}
    return {"id": "c1", "model": "tiny-llama", "created": 1, "choices": [choice]}


def answer(request):
    if request.startswith(b"POST /completion "):
        facts = {"model": "tiny-llama", "stop_type": "limit", "tokens_evaluated": 3, "tokens_predicted": 5}
        return [reply(json.dumps({"content": "Hi there", **facts}))]
    if request.startswith(b"GET /v1/models "):
        return [reply(json.dumps({"data": [{"id": "tiny-llama", "owned_by": "llamacpp"}]}))]
    if request.startswith(b"POST /v1/embeddings "):
        inputs = json.loads(request.partition(b"\r\n\r\n")[2])["input"]
        count = 1 if isinstance(inputs, str) else len(inputs)
        vectors = [{"index": index, "embedding": [index, *[1.0] * 127]} for index in range(count)]
        return [reply(json.dumps({"data": vectors, "model": "tiny-llama", "usage": {"prompt_tokens": 9}}))]
    if request.startswith(b"POST /v1/completions "):
        if b'"stream":true' in request:
            chunks = [text_chunk(" there"), text_chunk(" was", "length"), "[DONE]"]
            return [stream_head(), *map(event, chunks), part(b"")]
        return [reply(json.dumps({**text_chunk(" there was", "length"), "usage": {"completion_tokens": 8}}))]
    if request.startswith(b"POST /v1/responses "):
        content = [{"type": "output_text", "text": "Hi there", "annotations": []}]
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
        return [reply(json.dumps({"object": "response", "id": "resp_1", "status": "completed", "output": [item]}))]
    if b'"stream":true' in request:
        chunks = [event(delta("Hi there")), event(delta(finish="stop")), event("[DONE]")]
        return [stream_head(), *chunks, part(b"")]
    return [reply(completion("Hi there"))]
