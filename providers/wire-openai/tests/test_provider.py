"""What the providers of OpenAI-like services share, as a provider of another service has it."""

import json
from typing import ClassVar

import attrs
import pytest
from exchanges import any_call, asked, chat_call

from jackfield import Secret
from jackfield.errors import ConfigurationError
from jackfield.http import HttpResponse
from jackfield.operations import CHAT, ChatRequest, CompleteRequest, EmbedRequest, ModelRequest, ModelsRequest
from jackfield_wire_openai.profiles import ModelRule, Profile
from jackfield_wire_openai.provider import WireProvider, WireSettings

HOME = "https://api.acme.example/v1"


@attrs.frozen
class AcmeSettings(WireSettings):
    base_url: str = HOME
    team: str | None = None
    tags: tuple[str, ...] = ()


class Acme(WireProvider):
    plugin = "acme"
    variable = "ACME_API_KEY"
    home = HOME
    known_models: ClassVar = {CHAT.name: "acme-large"}
    models_at: ClassVar = {"eu.acme.example": {CHAT.name: "acme-eu"}}
    header_settings: ClassVar = {"team": "X-Team", "tags": "X-Tags"}


def acme(**settings):
    return Acme("acme", AcmeSettings(**{"api_key": Secret("k"), **settings}))


def test_the_service_itself_wants_a_key_and_the_error_names_its_variable():
    with pytest.raises(ConfigurationError, match="providers.acme.api_key: missing; set it, or ACME_API_KEY"):
        acme(api_key=None)
    assert acme(api_key=None, base_url="http://127.0.0.1:1/v1").endpoint.credential is None


def test_its_models_may_have_other_names_at_another_host():
    assert acme().default_models == {"chat": "acme-large", "model": "acme-large"}
    assert acme(base_url="https://eu.acme.example/v1").default_models["chat"] == "acme-eu"
    assert acme(default_model="own").default_models["chat"] == "own"
    assert acme(default_models={"embed": "e"}).default_models["embed"] == "e"
    with pytest.raises(ConfigurationError, match="providers.acme.default_models.models: expected one of chat, comp"):
        acme(default_models={"models": "e"})


def test_a_service_may_have_no_model_that_everybody_can_use():
    class Bare(Acme):
        known_models: ClassVar = {}

    assert Bare("bare", AcmeSettings(api_key=Secret("k"))).default_models == {}


def test_a_service_may_answer_without_a_key():
    class Open(Acme):
        needs_key = False

    assert Open("open", AcmeSettings()).endpoint.credential is None


def test_settings_of_its_own_become_headers():
    assert acme().endpoint.headers == {}
    headers = acme(team="a", tags=("b", "c"), headers={"X-More": "d"}).endpoint.headers
    assert headers == {"x-team": "a", "x-tags": "b,c", "x-more": "d"}
    with pytest.raises(ConfigurationError, match="providers.acme.tags: the value has characters that no header"):
        acme(tags=("b", "\n"))


def test_options_stand_under_its_own_name_and_rules_and_profile_are_the_settings():
    rule = ModelRule(match="old*", refuses=("seed",))
    provider = acme(profile=Profile(max_tokens="max_completion_tokens"), models=(rule,))
    request = ChatRequest(messages="x", max_output_tokens=5, seed=1, options={"acme": {"a": 1}, "openai": {"b": 2}})
    call = chat_call(request, model="old-1").evolve(unsupported="drop")
    body = json.loads(asked(provider, call).body)
    assert body == {
        "model": "old-1", "messages": [{"role": "user", "content": "x"}], "max_completion_tokens": 5, "a": 1,
    }  # fmt: skip
    assert [notice.field for notice in call.ledger.notices] == ["seed"]


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (ChatRequest(messages="x"), "POST /chat/completions"),
        (CompleteRequest(prompt="x"), "POST /completions"),
        (EmbedRequest(input="x"), "POST /embeddings"),
        (ModelsRequest(), "GET /models"),
        (ModelRequest(), "GET /models/m"),
    ],
)
def test_each_operation_has_its_path(request_, path):
    found = asked(acme(), any_call(request_, model="m"))
    assert f"{found.method} {found.path}" == path


def test_a_provider_may_ask_the_service_before_it_makes_a_request():
    class Careful(Acme):
        def prepared(self, call):
            head = yield attrs.evolve(self.get("/limits"), read=True)
            assert head.body == b"{}"
            return (yield from super().prepared(call))

    exchange = Careful("acme", AcmeSettings(Secret("k"))).open(any_call(CompleteRequest(prompt="x"), model="m"))
    assert next(exchange).path == "/limits"
    assert exchange.send(HttpResponse(200, {}, b"{}")).path == "/completions"
    exchange.close()
