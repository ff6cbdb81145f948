"""One program, two providers, one line of configuration between them."""

import json
from pathlib import Path

from llama import engine
from programs import told

PROGRAM = Path(__file__).with_name("program.py")


CALL = '{ tool_calls = [{ name = "get_weather", arguments = { city = "Paris" } }] }'


def configuration(default, url):
    return "\n".join(
        [
            f"default = {json.dumps(default)}",
            *(f"{key} = {json.dumps(value)}" for key, value in engine().items()),
            "[providers.workstation]",
            'plugin = "openai"',
            f"base_url = {json.dumps(url)}",
            "[providers.mock]",
            f'replies = ["1, 2, 3.", "1, 2, 3.", {CALL}]',
        ]
    )


def test_the_program_is_as_short_as_it_says():
    lines = [line for line in PROGRAM.read_text().splitlines() if line and not line.startswith("import")]
    assert len(lines) <= 10


def test_one_line_of_configuration_swaps_the_provider(server, tmp_path):
    mock, real = configuration("mock", server), configuration("workstation:tiny-llama", server)
    changed = [(one, other) for one, other in zip(mock.splitlines(), real.splitlines(), strict=True) if one != other]
    assert changed == [('default = "mock"', 'default = "workstation:tiny-llama"')]

    played, answered = told(PROGRAM, tmp_path, mock), told(PROGRAM, tmp_path, real)
    assert played == {
        "chat": "1, 2, 3.",
        "stream": "1, 2, 3.",
        "call": "tool_calls [('get_weather', ['city'])]",
        "from": "mock mock",
    }
    assert answered["from"] == "workstation tiny-llama"
    assert answered["call"] == played["call"]
    assert answered["stream"] == answered["chat"] != played["chat"]
    assert answered["chat"]
