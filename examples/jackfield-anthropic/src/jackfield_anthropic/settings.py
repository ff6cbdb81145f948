"""What can be configured, and what a request says beyond the common vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import field, frozen

from jackfield.call import Call
from jackfield.errors import BadRequestError, ConfigurationError
from jackfield.operations import Notice
from jackfield.provider import Credential, Endpoint, Fields, Secret

__all__ = ["PLUGIN", "AnthropicSettings", "Outgoing", "endpoint_of"]

PLUGIN: Final = "anthropic"  # the name under which the options of requests stand
BASE_URL: Final = "https://api.anthropic.com"
KEY_HEADER: Final = "x-api-key"
BETA: Final = "beta"
NAME: Final = re.compile(r"[!-+\--~]+")  # of a feature: what a header can hold between commas
# headers that the connection, the credential or other settings set
OWN_HEADERS: Final = frozenset(
    {KEY_HEADER, "host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"}
    | {"anthropic-version", "anthropic-beta"}
)


@frozen
class AnthropicSettings:
    """Settings of `[providers.anthropic]`, or of any instance with `plugin = "anthropic"`.

    Attributes:
        api_key: the key; a server on this machine may do without.
        base_url: where the API is, up to and without `/v1/messages`.
        default_model: the model of a chat where none is named.
        max_output_tokens: the limit of a reply where the request has none, which the API does not allow.
        version: the version of the API.
        beta: the names of features in beta that each request asks for.
        headers: further headers of each request.
        system_turns: whether a system turn that is not at the beginning is sent where it stands; Claude Opus 4.8 is
            the first model to take one.
    """

    api_key: Secret | None = None
    base_url: str = BASE_URL
    default_model: str = "claude-haiku-4-5"
    max_output_tokens: int = 4096
    version: str = "2023-06-01"
    beta: tuple[str, ...] = ()
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    system_turns: bool = False


def endpoint_of(name: str, settings: AnthropicSettings) -> Endpoint:
    """Where the requests of an instance of this name go.

    Raises:
        ConfigurationError: names the setting that is wrong, or says that Anthropic itself is called without a key.
    """
    where = f"providers.{name}"
    if settings.max_output_tokens < 1:
        raise ConfigurationError(
            f"{where}.max_output_tokens: expected at least 1 token, got {settings.max_output_tokens}"
        )
    if not settings.default_model:
        raise ConfigurationError(f"{where}.default_model: expected the name of a model, got an empty one")
    if (wrong := _no_token(settings.beta)) is not None:
        raise ConfigurationError(f"{where}.beta: {wrong!r} is no name of a feature")
    if _no_token([settings.version]) is not None:
        raise ConfigurationError(f"{where}.version: expected one like '2023-06-01', got {settings.version!r}")
    for header, text in (settings.headers or {}).items():
        _check_header(f"{where}.headers.{header}", header, text)
    credential = None if settings.api_key is None else Credential(settings.api_key, KEY_HEADER, prefix="")
    headers = {**(settings.headers or {}), "anthropic-version": settings.version}
    endpoint = Endpoint.parse(settings.base_url, credential, headers, name=f"{where}.base_url")
    if credential is None and endpoint.origin == Endpoint.parse(BASE_URL).origin:
        raise ConfigurationError(f"{where}.api_key: missing; set it, or ANTHROPIC_API_KEY in the environment")
    return endpoint


def _check_header(where: str, header: str, text: str) -> None:
    # no value is quoted: it may be a secret
    if not header or not all("!" <= char <= "~" and char != ":" for char in header):
        raise ConfigurationError(f"{where}: this is no name of a header")
    if header.lower() in OWN_HEADERS:
        raise ConfigurationError(f"{where}: this header is set by the connection, the credential or another setting")
    if not all(" " <= char <= "~" or char == "\t" for char in text):
        raise ConfigurationError(f"{where}: the value has characters that no header can carry")


def _no_token(names: Iterable[str]) -> str | None:
    """The first of these names that no list in a header can hold."""
    return next((name for name in names if not NAME.fullmatch(name)), None)


@frozen
class Outgoing:
    """A call on its way out: the fields of its request, and what it says to this plugin alone."""

    call: Call[Any]
    fields: Fields
    settings: AnthropicSettings

    @property
    def options(self) -> Mapping[str, Any]:
        """The request's options for this plugin."""
        options: Mapping[str, Any] = self.call.request.options.get(PLUGIN, {})
        return options

    @property
    def model(self) -> str:
        """The model that is asked."""
        return self.call.target.model

    def beside(self, name: str) -> Any:
        """What stands under this name of the wire among the options or in `extra_body`."""
        value = self.options.get(name)
        return (self.call.request.extra_body or {}).get(name) if value is None else value

    def report_all(self, why: str) -> None:
        """Report every field, and every option but the features in beta: the request has no place for them."""
        self.fields.report_rest(why)
        for name in self.options:
            if name != BETA:
                self.call.report(f"options.{PLUGIN}.{name}", why)

    def beta_header(self) -> dict[str, str]:
        """The header that asks for features in beta: those of the settings, then those of the request.

        Raises:
            BadRequestError: the option is no list of names.
        """
        asked = self.options.get(BETA) or ()
        asked = (asked,) if isinstance(asked, str) else asked
        texts = isinstance(asked, list | tuple) and all(isinstance(one, str) for one in asked)
        if not texts or _no_token(asked) is not None:
            raise BadRequestError(f"options.{PLUGIN}.{BETA}: expected a list of names of features, got {asked!r}")
        names = dict.fromkeys((*self.settings.beta, *asked))
        return {"anthropic-beta": ",".join(names)} if names else {}

    def report(self, name: str, why: str) -> None:
        """Say that something cannot be carried, before it is left out.

        Raises:
            UnsupportedError: unless the caller allows that it is left out.
        """
        self.call.report(name, why)

    def leave_out(self, name: str, why: str) -> None:
        """Leave out what only its own provider wants back: it is noted, and no error."""
        self.call.ledger.note(Notice("unsupported", name, why))

    def report_extra(self, extra: Mapping[str, Any] | None, known: Iterable[str], where: str) -> dict[str, Any]:
        """Those fields of an author's own that the wire has a place for here; the others are reported.

        Raises:
            UnsupportedError: there are others, and the caller does not allow that they are left out.
        """
        for key in extra or {}:
            if key not in known:
                self.report(f"{where}.extra.{key}", "the wire has no place for this field here")
        return {key: value for key, value in (extra or {}).items() if key in known}
