"""A program with tools, structured output, reasoning and streams is swapped to another provider by one line of TOML."""

import json
import subprocess
import sys
from pathlib import Path

from llama import clean_environment, engine
from programs import told

import jackfield as jf
from jackfield_openai import OpenAIProvider, OpenAISettings
from jackfield_openrouter.testing import FakeOpenRouter, Scene, serve

PROGRAM = Path(__file__).with_name("swapped_program.py")
MODEL = "openai/gpt-4o-mini"
SCENES = [
    Scene(reasoning="Paris is a city.", tool_calls=(("get_weather", '{"city": "Paris"}'),)),
    Scene(text="It is 22 degrees."),
    Scene(text='{"degrees": 22}'),
    Scene(text="One two three."),
]


def configuration(default, url):
    library = [f"{key} = {json.dumps(value)}" for key, value in engine().items()]
    tables = [line for name in ("openai", "openrouter") for line in (
        f"[providers.{name}]", f'base_url = "{url}"', 'api_key = "sk-or-test"',
    )]  # fmt: skip
    return "\n".join([f'default = "{default}"', *library, *tables, "check_models = true"])


def test_one_line_of_configuration_swaps_the_provider_there_and_back(tmp_path):
    fake = FakeOpenRouter()
    said, bodies = [], []
    with serve(fake) as url:
        for default in (f"openai:{MODEL}", f"openrouter:{MODEL}", f"openai:{MODEL}"):
            fake.then(*SCENES)
            fake.requests.clear()
            said.append(told(PROGRAM, tmp_path, configuration(default, url)))
            bodies.append([json.loads(request.body) for request in fake.requests if request.method == "POST"])
    one, other = (configuration(f"{name}:{MODEL}", "u").splitlines() for name in ("openai", "openrouter"))
    assert [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]] == [(one[0], other[0])]

    openai, openrouter, back = said
    assert openai == back
    # what one side cannot carry is reported: here, how many tokens to think with
    assert (openai.pop("left out"), openrouter.pop("left out")) == ("['reasoning_budget']", "[]")
    assert (openai.pop("from"), openrouter.pop("from")) == (f"openai {MODEL} True", f"openrouter {MODEL} True")
    assert openai == openrouter
    assert openai == {
        "thought": "Paris is a city.",
        "call": "get_weather {'city': 'Paris'}",
        "answer": "It is 22 degrees.",
        "parsed": "{'degrees': 22}",
        "stream": "One two three.",
    }
    # the thought goes back as it came, with its signature, on both sides
    for sent in bodies:
        (turn,) = (message for message in sent[1]["messages"] if message["role"] == "assistant")
        (thought,) = turn["reasoning_details"]
        assert thought["text"] == "Paris is a city."
        assert thought["signature"].startswith("signed-gen-fake-")
    assert bodies[1][0]["reasoning"] == {"max_tokens": 2000}
    assert "reasoning" not in bodies[0][0]


# --- what OpenAI's users know: OpenRouter's key and address under OpenAI's names


def test_openai_s_variables_with_openrouter_s_key_and_address(tmp_path):
    fake = FakeOpenRouter(Scene(text="Hello.", reasoning="Hm.", waits=3, wait=0.01))
    with serve(fake) as url:
        (tmp_path / ".env.local").write_text(f"OPENAI_API_KEY=sk-or-test\nOPENAI_BASE_URL={url}\n", encoding="utf-8")
        program = (
            f"import jackfield as jf; reply = jf.Client().chat('Hi', model='openai:{MODEL}'); "
            "from jackfield_openrouter import served; told = served(reply); "
            "print(reply.text, reply.reasoning, told.provider, told.generation_id, reply.usage.cost == told.cost)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert done.stdout.split() == ["Hello.", "Hm.", "OpenAI", "gen-fake-1", "True"]


def test_at_openrouter_s_host_the_openai_provider_has_its_ways():
    provider = OpenAIProvider("openai", OpenAISettings(jf.Secret("sk-or-1"), base_url="https://openrouter.ai/api/v1"))
    assert provider.default_models["chat"] == "openrouter/auto"
    assert (provider.profile.reasoning_budget, provider.profile.plain_thought) == (True, "reasoning")
