"""Azure OpenAI, and the models of Azure AI Foundry beside it: whose path and whose key differ, and little else.

A resource answers in three places: under `/openai/deployments` by dated versions of the API, a deployment in the path;
under `/openai/v1` without versions; and Foundry's under `/models`. In the latter two the body names the deployment.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Generator, Mapping
from fnmatch import fnmatchcase
from inspect import isawaitable, iscoroutinefunction
from typing import Any, ClassVar, Final

from attrs import evolve, field, frozen

from jackfield.call import Call, Target
from jackfield.errors import ConfigurationError, JackfieldError
from jackfield.hooks import hookimpl
from jackfield.http import HttpRequest, HttpResponse
from jackfield.provider import Credential, Decoder, Endpoint, Exchange, Secret
from jackfield_wire_openai.destination import Destination
from jackfield_wire_openai.models import part_of_path
from jackfield_wire_openai.profiles import Profile, rule_for
from jackfield_wire_openai.provider import WireProvider, WireSettings

__all__ = ["AzureProvider", "AzureSettings"]

# where resources are: of all clouds, and in either of the forms that they have had
RESOURCES: Final = re.compile(r".+\.(openai\.azure|(services|models)\.ai\.azure|cognitiveservices\.azure)\.(com|us|cn)")
CLASSIC, V1, MODELS, ONE = "/openai", "/openai/v1", "/models", "/openai/deployments/"
MODELS_VERSION: Final = "2024-05-01-preview"
DATED: Final = re.compile(r"\d{4}-\d\d-\d\d")
# the operations of a deployment; all else is of the resource
OF_DEPLOYMENTS: Final = re.compile(r"/(chat/completions|completions|embeddings|audio/\w+|images/\w+)(\?|$)")
# versions before this one know neither the newer name of the limit nor how a stream is asked for its usage
NEWER: Final = "2024-09-01"
BEFORE: Final = Profile(max_tokens="max_tokens", stream_usage=False)
# models by others, which Azure serves in their own ways
OTHERS: Final = ("codestral*", "cohere*", "command*", "deepseek*", "grok*", "kimi*", "llama*", "meta*", "ministral*",
                 "mistral*", "phi-*", "qwen*")  # fmt: skip
OF_OTHERS: Final = Profile(max_tokens="max_tokens", developer=False)


@frozen
class AzureSettings(WireSettings):
    """Settings of `[providers.azure]`, or of any instance with `plugin = "azure"`.

    Attributes:
        api_key: the key of the resource.
        token: a token of Microsoft Entra ID in place of the key, or a function that gives one, and is asked before each
            attempt; it may be a coroutine function where the client is async. It counts before the key.
        base_url: where the resource is, as in `https://resource.openai.azure.com`; with `/openai/v1` or `/models`
            behind it, or the path of one deployment, that part of it.
        api_version: the dated version of the API, which has deployments in its paths; without it, and under
            `/openai/v1`, the API has none.
        deployments: the deployment of each model, where it has another name than the model; what is known of the model
            then holds for it.
        default_model: the deployment of a chat where none is named.
        default_models: the same by operation: `chat`, `complete`, `embed`.
        headers: further headers of each request.
        profile: what the host takes, where that differs from what is known of it.
        models: what models take and refuse; these rules count before those that are known.
        api: the API that chats go over: "chat", or "responses" for the newer one. Unless set, it is the older one, but
            for models that are known to answer over the newer one alone.
    """

    api_key: Secret | None = field(default=None, metadata={"env": "AZURE_OPENAI_API_KEY"})
    token: Secret | Any = field(default=None, metadata={"env": "AZURE_OPENAI_AD_TOKEN"}, repr=False)
    base_url: str = field(factory=str, metadata={"env": "AZURE_OPENAI_ENDPOINT"})
    api_version: str | None = field(default=None, metadata={"env": "OPENAI_API_VERSION"})
    deployments: Mapping[str, str] | None = None


@frozen
class _TokenEndpoint(Endpoint):
    """An endpoint whose token is asked for, by a function that may be one of either colour."""

    async def resolved(self, run: Callable[[Callable[[], Secret]], Awaitable[Secret]]) -> Endpoint:
        """This endpoint with the token as it is now."""
        credential = self.credential
        if credential is None or isinstance(credential.secret, Secret):
            return self
        ask: Callable[[], Any] = credential.secret
        found: Any = ask() if iscoroutinefunction(ask) else await run(ask)
        token = await found if isawaitable(found) else found
        secret = token if isinstance(token, Secret) else Secret(token, name="token")
        return evolve(self, credential=evolve(credential, secret=secret))


class AzureProvider(WireProvider):
    """Chats, completions, embeddings and models of a resource of Azure.

    Raises:
        ConfigurationError: there is no base URL, or it is none, or neither a key nor a token.
    """

    plugin = "azure"
    variable = "AZURE_OPENAI_API_KEY"
    home = ""  # each resource has its own
    host = "openai.azure.com"
    known_models: ClassVar[Mapping[str, str]] = {}

    def __init__(self, name: str, settings: AzureSettings) -> None:
        """Make an instance of this name."""
        where = f"providers.{name}"
        if not settings.base_url:
            raise ConfigurationError(f"{where}.base_url: missing; set it, or AZURE_OPENAI_ENDPOINT in the environment")
        if settings.token is not None and not (isinstance(settings.token, Secret) or callable(settings.token)):
            raise ConfigurationError(f"{where}.token: expected text, or a function that gives a token")
        super().__init__(name, settings)
        self._deployments = dict(settings.deployments or {})
        self._models = {deployment: model for model, deployment in self._deployments.items()}
        own, found = self.endpoint, _place(self.endpoint.path, settings.api_version or "")
        path, self._one, self._version = found
        if path.endswith(CLASSIC) and not self._version:
            raise ConfigurationError(f"{where}.api_version: missing; a path of deployments goes with a version")
        self.endpoint = _TokenEndpoint(own.scheme, own.host, own.port, path, own.credential, own.headers)
        said = settings.profile or Profile()
        if path.endswith(CLASSIC) and self._version < NEWER:
            self.profile = said.over(BEFORE.over(self.profile))
        self._others = said.over(OF_OTHERS.over(self.profile))

    def credential(self, settings: AzureSettings) -> Credential | None:
        """The token as everywhere, or the key in a header of Azure's own."""
        if settings.token is not None:
            return Credential(settings.token)
        return None if settings.api_key is None else Credential(settings.api_key, "api-key", "")

    def is_home(self, endpoint: Endpoint) -> bool:
        """Whether this is a resource, and no gateway before one."""
        return RESOURCES.fullmatch(endpoint.host) is not None

    def open(self, call: Call[Any]) -> Any:
        """The exchange of a call, whose requests go to the deployment that the call names."""
        opened: Any = super().open(call)
        if not isinstance(opened, Generator):
            return opened
        return self._placed(opened, self._one or self._deployment(call.target.model))

    def destination(self, call: Call[Any]) -> Destination:
        """A call, with its deployment in place of its model, and what is known of the model."""
        deployment = self._deployment(call.target.model)
        model = self._models.get(deployment, call.target.model)
        rule = rule_for(self.host, model, self._rules)
        other = any(fnmatchcase(model.lower(), pattern) for pattern in OTHERS)
        profile = self._others if other or self.endpoint.path.endswith(MODELS) else self.profile
        call = call.evolve(target=Target(call.target.provider, deployment))
        return Destination(call, self.fields(call), profile, rule, self.plugin)

    def api_of(self, to: Destination) -> tuple[str, Destination]:
        """The API that a chat goes over, as the model says it that is deployed, and its destination.

        Raises:
            BadRequestError: the option is wrong.
        """
        target = to.call.target
        model = Target(target.provider, self._models.get(target.model, target.model))
        api, told = super().api_of(evolve(to, call=to.call.evolve(target=model)))
        return api, evolve(told, call=to.call)

    def _deployment(self, model: str) -> str:
        return self._deployments.get(model, model)

    def _path(self, path: str, deployment: str) -> str:
        if self.endpoint.path.endswith(CLASSIC) and OF_DEPLOYMENTS.match(path):
            path = f"/deployments/{part_of_path(deployment)}{path}"
        if not self._version:
            return path
        return f"{path}{'&' if '?' in path else '?'}api-version={part_of_path(self._version)}"

    def _placed(self, exchange: Exchange[Any], deployment: str) -> Generator[HttpRequest, HttpResponse, Decoder[Any]]:
        try:
            request = next(exchange)
            while True:
                try:
                    head = yield evolve(request, path=self._path(request.path, deployment))
                except JackfieldError as error:  # a refusal
                    request = exchange.throw(error)
                else:
                    request = exchange.send(head)
        except StopIteration as stop:
            decoder: Decoder[Any] = stop.value
            return decoder
        finally:
            exchange.close()


def _place(path: str, version: str) -> tuple[str, str, str]:
    """Where the API is, given the path of the base URL; the deployment that this names, and the version to ask for."""
    dated = DATED.match(version)
    if ONE in path:
        path, _, one = path.partition(ONE)
        return path + CLASSIC, one.partition("/")[0], version
    if path.endswith(MODELS):
        return path, "", version or MODELS_VERSION
    if path.endswith(V1):
        return path, "", "" if dated else version
    return path.removesuffix(CLASSIC) + (CLASSIC if dated else V1), "", version


@hookimpl
def jackfield_settings() -> type[AzureSettings]:
    """The class of the settings."""
    return AzureSettings


@hookimpl
def jackfield_provider(name: str, settings: AzureSettings) -> AzureProvider:
    """A provider of this name."""
    return AzureProvider(name, settings)
