"""Chats over OpenRouter's Responses API: its own options stand in the body as they do in a chat."""

import json

from exchanges import JSON, Outcome, asked, chat_call, decoder

from jackfield import Secret
from jackfield.operations import ChatRequest
from jackfield.types import Finish, Usage
from jackfield_openrouter import OpenRouterProvider, OpenRouterSettings

PROVIDER = OpenRouterProvider("openrouter", OpenRouterSettings(api_key=Secret("sk-or-test"), api="responses"))
REPLY = {
    "object": "response",
    "id": "gen-1",
    "created_at": 1_766_949_383,
    "model": "openai/gpt-4o-mini",
    "error": None,
    "output": [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hi"}],
        }
    ],
    "usage": {"input_tokens": 3, "output_tokens": 1, "cost": 0.25},
}


def test_what_is_asked_and_what_comes():
    options = {"openrouter": {"provider": {"order": ["azure"]}, "reasoning": {"summary": "auto"}}}
    request = ChatRequest(messages="Hello", top_k=5, reasoning_effort="low", options=options)
    sent = asked(PROVIDER, chat_call(request, model="x/y"))
    assert sent.path == "/responses"
    assert json.loads(sent.body) == {
        "model": "x/y",
        "input": [{"role": "user", "content": "Hello"}],
        "provider": {"order": ["azure"]},
        "reasoning": {"effort": "low", "summary": "auto"},
        "top_k": 5,
    }
    # as its providers keep a connection alive
    data = b"\n         \n" + json.dumps(REPLY).encode()
    outcome = Outcome(decoder(PROVIDER, chat_call(request), JSON), [data])
    assert outcome.error is None
    assert (outcome.response.text, outcome.response.usage) == ("Hi", Usage(3, 1, cost=0.25))
    # it does not say how the reply ended, and nothing is made up
    assert outcome.response.finish == Finish("other", None)


def test_which_api_openai_itself_has_for_a_model_is_no_matter_here():
    provider = OpenRouterProvider("openrouter", OpenRouterSettings(api_key=Secret("sk-or-test")))
    assert asked(provider, chat_call(model="openai/o1-pro")).path == "/chat/completions"
