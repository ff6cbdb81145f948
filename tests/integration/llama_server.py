"""Serves the tiny model beside this file with llama.cpp's own server: `llama_server.py PORT [CONTEXT [embeddings]]`.

The model is a two-layer Llama of 1.6 MB, made for these tests; its chat template is Qwen2.5's (Apache-2.0).
The server prints one line when it listens, and runs until it is terminated. It takes any key and any model name.
"""

import signal
import sys
import threading
from pathlib import Path

import xllamacpp

MODEL = Path(__file__).with_name("tiny-llama.gguf")


def serve(port: int, context: int, *, embeddings: bool = False) -> None:
    params = xllamacpp.CommonParams()
    params.model.path = str(MODEL)
    # older releases hold one name, newer ones a set of names
    params.model_alias = "tiny-llama" if isinstance(params.model_alias, str) else {"tiny-llama"}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = context
    params.n_parallel = 4
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    params.use_jinja = True
    if embeddings:  # such a server does nothing else
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server = xllamacpp.Server(params)
    print("listening on", server.listening_address, flush=True)
    while not ended.wait(1.0):
        pass


if __name__ == "__main__":
    serve(
        int(sys.argv[1]),
        int(sys.argv[2]) if len(sys.argv) > 2 else 32768,
        embeddings="embeddings" in sys.argv[3:],
    )
