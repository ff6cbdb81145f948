"""Threads share one Client."""

from concurrent.futures import ThreadPoolExecutor

from llama import config

import jackfield as jf


def ask(client, number, prompt):
    if number % 2:
        with client.stream(prompt, temperature=0, seed=1) as stream:
            return "".join(stream.text)
    return client.chat(prompt, temperature=0, seed=1).text


def test_threads_share_a_client(server):
    prompts = ["Hello", "Count to five", "Say Paris", "Tell me a story about Cairo"] * 4
    with jf.Client(config(server)) as client, ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda numbered: ask(client, *numbered), enumerate(prompts)))
    assert all(texts)
    assert all(text[0].isdigit() for text, prompt in zip(texts, prompts, strict=True) if prompt == "Count to five")
