"""One hierarchy of errors: what failed, whether a retry can help and when, and what had arrived.

Everything that Jackfield raises on purpose is a `JackfieldError`.
Cancellation, `KeyboardInterrupt` and the caller's own exceptions pass through untouched.
"""

from __future__ import annotations

from typing import Any

__all__ = ["AuthenticationError", "BadRequestError", "BlockingAwaitError", "CallTimeoutError", "ConfigurationError"]
__all__ += ["ConflictError", "ConnectTimeoutError", "ConnectionFailedError", "ContentFilterError", "ContextLengthError"]
__all__ += ["DeadlineError", "JackfieldError", "LimitExceededError", "MalformedReplyError", "NotFoundError"]
__all__ += ["NothingConfiguredError", "OverloadedError", "PermissionDeniedError", "PluginError", "QuotaError"]
__all__ += ["RateLimitError", "ReadTimeoutError", "RequestForbiddenError", "ServerError", "StreamInterruptedError"]
__all__ += ["StreamStateError", "TruncatedStreamError", "UnsupportedError", "UnsupportedWarning", "UntrustedError"]


class JackfieldError(Exception):
    """Base of every error of this library.

    Attributes:
        message: what went wrong, for a person.
        provider: name of the provider instance, once it is known.
        model: the model that was asked for, once it is known.
        operation: name of the operation ("chat", ...), once it is known.
        status: HTTP status, where there was one. For an error inside a 200 reply, the status that the provider states.
        code: the provider's own error code, as text.
        request_id: the provider's id of the request.
        retryable: whether the same request may succeed later.
        retry_after: seconds to wait first, where the provider says so.
        sent: whether anything of the request may have reached the provider.
        partial: the response as far as it had arrived, or None.
        body: the provider's reply to the failed request, decoded where it was JSON.
    """

    retryable: bool = False
    sent: bool = True

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
        body: Any = None,
    ) -> None:
        super().__init__(message)
        self.message: str = message
        self.status: int | None = status
        self.code: str | None = code
        self.request_id: str | None = request_id
        if retryable is not None:
            self.retryable = retryable
        self.retry_after: float | None = retry_after
        self.body: Any = body
        self.provider: str | None = None
        self.model: str | None = None
        self.operation: str | None = None
        self.partial: Any = None

    def place(self, provider: str, model: str, operation: str, partial: Any) -> None:
        """Fill in whose error this is, and what had arrived, where that is not known yet."""
        self.provider, self.operation = self.provider or provider, self.operation or operation
        self.model = self.model or model or None
        self.partial = partial if self.partial is None else self.partial

    def __str__(self) -> str:
        where = ":".join(part for part in (self.provider, self.model) if part)
        facts = " ".join(dict.fromkeys(str(fact) for fact in (self.status, self.code) if fact is not None))
        return ": ".join(part for part in (where, facts, self.message) if part)


class ConfigurationError(JackfieldError):
    """The configuration cannot work as it stands: the message names the key, the value and what would be right.

    Attributes:
        key: the path of the value that is wrong, where it is one of the configuration.
        variable: the name of the variable that set it, where one did.
    """

    key: tuple[str | int, ...] | None = None
    variable: str | None = None

    def __str__(self) -> str:
        # where it was written says more than which call met it
        return super().__str__() if self.key is None else self.message


class NothingConfiguredError(ConfigurationError):
    """There is no configuration at all, and no key in the environment, so that there is nobody to ask."""


class UntrustedError(ConfigurationError):
    """A configuration file that was merely found wants what only one that is trusted may have."""


class PluginError(JackfieldError):
    """A plugin is missing, cannot be loaded, or broke its contract."""


class BlockingAwaitError(PluginError):
    """Something awaited an event loop inside a synchronous client, where there is none."""


class UnsupportedError(JackfieldError):
    """The request holds something that this provider or model cannot carry."""


class UnsupportedWarning(UserWarning):
    """A field of a request was left out, because the provider cannot carry it."""


class ConnectionFailedError(JackfieldError):
    """No connection, or it was lost before a reply began."""

    retryable: bool = True


class CallTimeoutError(JackfieldError):
    """A time limit passed."""

    retryable: bool = True


class ConnectTimeoutError(CallTimeoutError):
    """Connecting took longer than the limit."""

    sent: bool = False


class ReadTimeoutError(CallTimeoutError):
    """The provider was silent for longer than the limit."""


class DeadlineError(CallTimeoutError):
    """The call as a whole took longer than its deadline; no time is left for a retry."""

    retryable: bool = False


class AuthenticationError(JackfieldError):
    """The credential is missing, malformed or refused (401)."""


class PermissionDeniedError(JackfieldError):
    """The credential is known but may not do this (403)."""


class NotFoundError(JackfieldError):
    """The model or the resource does not exist (404)."""


class ConflictError(JackfieldError):
    """The resource changed meanwhile, or is in use (409)."""

    retryable: bool = True


class BadRequestError(JackfieldError):
    """The provider refused the request as it stands (400, 413, 422, ...)."""


class ContextLengthError(BadRequestError):
    """The request, or what it asks for, does not fit the model's context."""


class ContentFilterError(BadRequestError):
    """The provider refused the content."""


class RateLimitError(JackfieldError):
    """Too many requests or tokens for now (429)."""

    retryable: bool = True


class QuotaError(JackfieldError):
    """Credit or quota is used up (402, some 429): waiting does not help."""


class ServerError(JackfieldError):
    """The provider failed (5xx)."""

    retryable: bool = True


class OverloadedError(ServerError):
    """The provider has no capacity for now (503, 529)."""


class MalformedReplyError(JackfieldError):
    """The provider's reply cannot be what it claims to be."""


class TruncatedStreamError(JackfieldError):
    """The reply ended before it was complete; `partial` holds what had arrived."""

    retryable: bool = True


class StreamInterruptedError(TruncatedStreamError):
    """The connection broke inside the reply; `partial` holds what had arrived."""


class LimitExceededError(JackfieldError):
    """A reply outgrew one of the bounds that protect this process; the message names it."""


class RequestForbiddenError(JackfieldError):
    """A real request was about to be sent in a test run that forbids it."""


class StreamStateError(JackfieldError):
    """A client or a stream was used after it was closed, or a stream was read after its end or by two at once."""
