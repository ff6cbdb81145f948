"""Serves the tiny model beside this file with llama.cpp's own server: `llama_server.py [CONTEXT [FILE [embeddings]]]`.

The model is a two-layer Llama of 1.6 MB, made for these tests; its chat template is Qwen2.5's (Apache-2.0).
The server finds a free port. When it listens it prints its address, and writes it to the file where one is named,
and it runs until it is terminated. It takes any key and any model name.
"""

import signal
import sys
import threading
from pathlib import Path

import xllamacpp

MODEL = Path(__file__).with_name("tiny-llama.gguf")


def serve(context: int, file: Path | None, *, embeddings: bool = False) -> None:
    params = xllamacpp.CommonParams()
    params.model.path = str(MODEL)
    # older releases hold one name, newer ones a set of names
    params.model_alias = "tiny-llama" if isinstance(params.model_alias, str) else {"tiny-llama"}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = context
    params.n_parallel = 4
    # threads that wait for each other spin, and on a busy machine that takes seconds a token
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.use_jinja = True
    if embeddings:  # such a server does nothing else
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server = xllamacpp.Server(params)
    print("listening on", server.listening_address, flush=True)
    if file is not None:  # the library's own log may run into a printed line
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(server.listening_address)
        unfinished.rename(file)
    while not ended.wait(1.0):
        pass


if __name__ == "__main__":
    serve(
        int(sys.argv[1]) if len(sys.argv) > 1 else 32768,
        Path(sys.argv[2]) if len(sys.argv) > 2 else None,
        embeddings="embeddings" in sys.argv[3:],
    )
