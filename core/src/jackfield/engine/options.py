"""What a user can set of the network: proxy, certificates, connections."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from attrs import Attribute, field, frozen

from ..endpoint import Endpoint, Secret
from ..errors import ConfigurationError

if TYPE_CHECKING:
    import ssl

__all__ = ["NetworkOptions", "Proxy"]

KEEP_ALIVE: Final = 100


@frozen
class Proxy:
    """Scheme, host and port of a proxy; `login` is its user and password."""

    origin: str
    login: tuple[Secret, Secret] | None = None

    @classmethod
    def parse(cls, url: str, name: str = "proxy") -> Proxy:
        """Take the URL of a proxy apart. `name` is what errors call it.

        Raises:
            ConfigurationError: it is not an http or https URL of a host alone.
        """
        scheme, _, rest = url.partition("://")
        login, _, place = rest.rpartition("@")
        endpoint = Endpoint.parse(f"{scheme}://{place}", name=name)
        if endpoint.path:
            raise ConfigurationError(f"{name}: the URL of a proxy has no path; expected one like 'http://host:3128'")
        if not login:
            return cls(endpoint.origin)
        user, password = map(unquote, login.partition(":")[::2])
        return cls(endpoint.origin, (Secret(user, f"{name}: user"), Secret(password, f"{name}: password")))


def _above_zero(_: object, attribute: Attribute[Any], value: float) -> None:
    if not value > 0:
        raise ConfigurationError(f"{attribute.name}: expected a number above 0, got {value!r}")


def _secret(value: Secret | str | None) -> Secret | None:
    return Secret(value) if isinstance(value, str) else value


def _is_proxy(_: object, attribute: Attribute[Any], value: Secret | None) -> None:
    if value is not None:
        Proxy.parse(value.reveal(), attribute.name)


@frozen
class NetworkOptions:
    """How requests leave this machine.

    Attributes:
        proxy: the URL of an HTTP proxy for every request that is not to loopback, as `http://user:password@host:3128`.
        trust_env: whether the variables HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY name proxies.
        ca: a file, or a folder, of certificates in PEM that are trusted besides the usual ones.
        client_certificate: a PEM file with the certificate that is shown to servers which ask for one.
        client_key: a PEM file with its key, where that is not in the same file.
        client_key_password: what the key is encrypted with.
        max_connections: how many connections there are at once; further requests wait.
        keep_alive: how many seconds an idle connection is kept.

    Raises:
        ConfigurationError: a value cannot work.
    """

    proxy: Secret | None = field(default=None, converter=_secret, validator=_is_proxy)
    trust_env: bool = False
    ca: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    client_key_password: Secret | None = field(default=None, converter=_secret)
    max_connections: int = field(default=1000, validator=_above_zero)
    keep_alive: float = field(default=30.0, validator=_above_zero)

    def pool(self) -> dict[str, Any]:
        """The settings of a connection pool."""
        bounds = {"max_connections": self.max_connections, "keepalive_expiry": self.keep_alive}
        return {**bounds, "max_keepalive_connections": min(self.max_connections, KEEP_ALIVE)}

    def proxy_for(self, target: Endpoint) -> Proxy | None:
        """The proxy by which requests to an endpoint go."""
        if target.loopback or (self.proxy is None and not self.trust_env):
            return None
        if self.proxy is not None:
            return Proxy.parse(self.proxy.reveal())
        from urllib.request import getproxies, proxy_bypass  # it costs as much as a call: only who wants it pays

        ambient = getproxies()
        url = ambient.get(target.scheme) or ambient.get("all")
        if not url or proxy_bypass(f"{target.host}:{target.port}"):
            return None
        return Proxy.parse(url if "://" in url else f"http://{url}", f"{target.scheme}_proxy in the environment")

    def tls(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """The TLS settings of the library, with what is set here.

        Raises:
            ConfigurationError: a file cannot be read, is no PEM, or the password does not fit.
        """
        if self.ca is not None:
            place = "capath" if Path(self.ca).is_dir() else "cafile"
            _load("ca", self.ca, lambda: context.load_verify_locations(**{place: self.ca}))
        if self.client_certificate is not None:
            certificate, key, password = self.client_certificate, self.client_key, self.client_key_password
            # without a function here OpenSSL would ask at the terminal
            words = "" if password is None else password.reveal()
            _load("client_certificate", certificate, lambda: context.load_cert_chain(certificate, key, lambda: words))
        return context


def _load(name: str, path: str, load: Any) -> None:
    try:
        load()
    except OSError as error:  # an SSLError is one too
        raise ConfigurationError(f"network.{name}: {path!r} cannot be used: {error.strerror or error}") from None
