"""Threads share one Client."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count

from llama import config

import jackfield as jf
from jackfield.errors import ConnectionFailedError

TRIES = 5


def ask(client, number, prompt):
    if number % 2:
        with client.stream(prompt, temperature=0, seed=1) as stream:
            return "".join(stream.text)
    return client.chat(prompt, temperature=0, seed=1).text


def insist(client, number, prompt):
    # under load this server drops connections that it had kept, whoever the client is, and nothing retries that yet
    for tried in count(1):
        try:
            return ask(client, number, prompt)
        except ConnectionFailedError:
            if tried == TRIES:
                raise
    raise AssertionError


def test_threads_share_a_client(server):
    prompts = ["Hello", "Count to five", "Say Paris", "Tell me a story about Cairo"] * 4
    with jf.Client(config(server)) as client, ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda numbered: insist(client, *numbered), enumerate(prompts)))
    assert all(texts)
    assert all(text[0].isdigit() for text, prompt in zip(texts, prompts, strict=True) if prompt == "Count to five")
