"""Where requests go and what opens the door: origins, secrets and credentials."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from os import urandom
from typing import Final, NoReturn
from urllib.parse import urlsplit

from attrs import evolve, field, frozen

from .errors import ConfigurationError
from .http import HttpRequest, lower_names

__all__ = ["Credential", "Endpoint", "Secret", "digest"]

PORTS: Final = {"http": 80, "https": 443}
PART: Final = 8  # so much of a secret is one already
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class Secret:
    """A value that shows itself to nobody who does not ask: not in a repr, a traceback, a copy or a pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str, name: str = "secret") -> None:
        """Hold a value. `name` is what errors call it.

        Raises:
            ConfigurationError: the value is empty, or has characters that no HTTP header can carry.
        """
        if not value:
            raise ConfigurationError(f"{name}: expected a value, got an empty string")
        wrong = next((index for index, char in enumerate(value) if not "!" <= char <= "~"), None)
        if wrong is not None:
            raise ConfigurationError(
                f"{name}: character {wrong + 1} of {len(value)} is a space, a control character or not ASCII; "
                "was it pasted with a line break or quotes?"
            )
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def scrub(self, text: str) -> str:
        """The text without this value, and without its beginning, which is left where a quotation cuts it."""
        for end in range(len(self._value), min(len(self._value), PART) - 1, -1):
            text = text.replace(self._value[:end], "***")
        return text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self, memo: object = None) -> Secret:
        return self

    __deepcopy__ = __copy__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")


def digest(value: object) -> str:
    """An opaque fingerprint of plain data, secrets included; of anything else one that nothing else has."""
    from hashlib import sha256  # only who asks for identities pays

    return sha256(_told(value).encode()).hexdigest()


def _told(value: object) -> str:
    match value:
        case Secret():
            return f"secret {value.reveal()!r}"
        case None | str() | int() | float():
            return repr(value)
        case Mapping():
            return f"{{{sorted((_told(key), _told(item)) for key, item in value.items())}}}"
        case list() | tuple():
            return f"[{[_told(item) for item in value]}]"
    return f"{type(value).__qualname__} {urandom(16).hex()}"


@frozen
class Credential:
    """A header that opens an endpoint: `Credential(key)` is `Authorization: Bearer <key>`.

    `secret` is a value, or a function that gives one and is asked again at each attempt (a token that expires).
    """

    secret: Secret | Callable[[], Secret]
    header: str = "authorization"
    prefix: str = "Bearer "

    def resolve(self) -> Secret:
        """The secret as it is now; may block where it is a function."""
        return self.secret if isinstance(self.secret, Secret) else self.secret()


@frozen
class Endpoint:
    """A base URL taken apart, with the credential that belongs to its origin and to no other.

    `headers` go with every request to it.
    """

    scheme: str
    host: str
    port: int
    path: str
    credential: Credential | None = None
    headers: Mapping[str, str] = field(factory=dict, converter=lower_names, repr=False)

    @classmethod
    def parse(
        cls,
        base_url: str,
        credential: Credential | None = None,
        headers: Mapping[str, str] | None = None,
        name: str = "base_url",
    ) -> Endpoint:
        """Take a base URL apart. `name` is what errors call it.

        Raises:
            ConfigurationError: it is not an http or https URL, or holds a user name, a query or a fragment.
        """
        # a URL is not quoted in what follows: it may hold a password, or be a key in the wrong place
        if "@" in base_url.partition("://")[2].partition("/")[0]:
            raise ConfigurationError(f"{name}: a URL with a user name or password is refused; use a credential")
        try:
            url = urlsplit(base_url)
            port = url.port
            host = (url.hostname or "").encode("ascii").decode()
            path = url.path.rstrip("/").encode("ascii").decode()
        except ValueError:
            raise ConfigurationError(f"{name}: not a valid URL; expected one like 'https://host/v1'") from None
        if url.scheme not in PORTS or not host:
            raise ConfigurationError(f"{name}: not a URL of http or https; expected one like 'https://host/v1'")
        if url.query or url.fragment or any(not "!" <= char <= "~" for char in base_url):
            raise ConfigurationError(f"{name}: the URL must not have a query, a fragment or white space")
        return cls(url.scheme, host, port or PORTS[url.scheme], path, credential, headers or {})

    @property
    def origin(self) -> str:
        """Scheme, host and port, as in `https://api.example.com:443`."""
        return f"{self.scheme}://{self.authority}:{self.port}"

    def addressed(self, request: HttpRequest) -> HttpRequest:
        """A request to this endpoint as it leaves, with origin, whole path and headers, but without the credential."""
        headers = {**self.headers, **request.headers}
        return evolve(request, origin=self.origin, path=self.path + request.path, headers=headers)

    async def resolved(self, run: Callable[[Callable[[], Secret]], Awaitable[Secret]]) -> Endpoint:
        """This endpoint with the secret as it is now. `run` runs what may block, as `Runtime.run` does."""
        credential = self.credential
        if credential is None or isinstance(credential.secret, Secret):
            return self
        return evolve(self, credential=evolve(credential, secret=await run(credential.resolve)))

    @property
    def authority(self) -> str:
        """The host as it stands in a URL: an IPv6 address has brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def loopback(self) -> bool:
        """Whether requests stay on this machine."""
        return self.host in LOOPBACK or (self.host.startswith("127.") and self.host.replace(".", "").isdigit())
