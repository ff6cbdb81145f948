"""A function in the place of the network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeAlias

from jackfield.errors import ConnectionFailedError, PluginError
from jackfield.http import HttpRequest, HttpResponse
from jackfield.provider import Endpoint
from jackfield.runtime import Control, Limits, Network, Reply

__all__ = ["FunctionNetwork", "TransportFunction"]

TransportFunction: TypeAlias = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]


class FunctionNetwork(Network):
    """Answers each request with what a function says: `Client(transport=FunctionNetwork(answer))`.

    The function, plain or async, is given a request with its `origin`, its whole `path`, headers and body, but no
    credential. A deadline does not interrupt it; an `OSError` of it is a `ConnectionFailedError`.
    """

    name = "transport"

    def __init__(self, function: TransportFunction) -> None:
        self._function = function

    async def send(
        self, target: Endpoint, request: HttpRequest, limits: Limits, control: Control, *, repeatable: bool
    ) -> FunctionReply:
        """Call the function with the request as it would leave, without its credential."""
        try:
            response = self._function(target.addressed(request))
            if isawaitable(response):
                response = await response
        except OSError as error:
            raise ConnectionFailedError(f"no reply from {target.origin}: {error}") from error
        if not isinstance(response, HttpResponse):
            raise PluginError(f"the transport gave an object of type {type(response).__name__}: expected HttpResponse")
        return FunctionReply(response)

    async def aclose(self) -> None:
        """There is nothing to close."""


class FunctionReply(Reply):
    """A reply that is there already; see `jackfield.runtime.Reply`."""

    def __init__(self, response: HttpResponse) -> None:
        self.status: int = response.status
        self.headers: dict[str, str] = dict(response.headers)
        self._body: bytes | None = response.body

    async def read(self) -> bytes | None:
        """The body, then None."""
        body, self._body = self._body, None
        return body or None

    async def drain(self) -> None:
        """Nothing follows."""

    async def aclose(self) -> None:
        """There is nothing to close."""
