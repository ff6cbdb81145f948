"""A store for Jackfield's cache in a Redis server.

A connection serves one command at a time, and one on which anything went wrong is closed, never used again: what is
left unread on it would answer somebody else's question.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import redis
from attrs import Attribute, field, frozen
from redis.backoff import NoBackoff
from redis.retry import Retry

from jackfield import Secret
from jackfield.errors import ConfigurationError, JackfieldError
from jackfield.hooks import hookimpl
from jackfield.runtime import Lock

__all__ = ["RedisSettings", "RedisStore"]

T = TypeVar("T")

BATCH: Final = 100  # entries asked for in one go
LONGEST: Final = 10 * 365 * 86_400 * 1000  # milliseconds: more is as good as for ever


def _address(_: object, attribute: Attribute[Any], value: Any) -> None:
    if not isinstance(value, Secret):
        raise ConfigurationError(f"{attribute.name}: expected text, got {type(value).__name__}")
    try:
        redis.ConnectionPool.from_url(value.reveal())
    except ValueError:  # its text quotes the address, and with it the password
        raise ConfigurationError(
            f"{attribute.name}: expected redis://host:port/number, rediss:// or unix://, got another text"
        ) from None


def _positive(_: object, attribute: Attribute[Any], value: Any) -> None:
    if not (isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")):
        raise ConfigurationError(f"{attribute.name}: expected seconds above 0, got {value!r}")


def _whole(_: object, attribute: Attribute[Any], value: Any) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{attribute.name}: expected a whole number above 0, got {value!r}")


def _prefix(_: object, attribute: Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or not value or any(char in "*?[]\\^" for char in value):
        raise ConfigurationError(f"{attribute.name}: expected text without *, ?, [, ], ^ and \\, got {value!r}")


@frozen
class RedisSettings:
    """Settings of the store in a Redis server.

    Attributes:
        url: where the server is: `redis://host:6379/0`, `rediss://` with TLS, `unix:///path`. It may hold a password.
        prefix: what the keys begin with.
        timeout: how many seconds connecting may take, and then the server may be silent. A reply that trickles in can
            take longer as a whole.
        max_bytes: how large an entry may be.
        max_connections: how many connections are kept while nobody needs them.
    """

    url: Secret = field(factory=lambda: Secret("redis://127.0.0.1:6379/0"), validator=_address)
    prefix: str = field(default="jackfield:cache:", validator=_prefix)
    timeout: float = field(default=0.25, validator=_positive)
    max_bytes: int = field(default=16 * 1024 * 1024, validator=_whole)
    max_connections: int = field(default=16, validator=_whole)


class RedisStore:
    """Keeps values in a Redis server, which forgets them when they are too old, or when it needs the room.

    Raises:
        ConfigurationError: a setting is wrong.
    """

    quick: bool = False

    def __init__(self, settings: RedisSettings | None = None) -> None:
        """Begin; nothing is connected before it is needed."""
        self._settings = settings or RedisSettings()
        self._idle: list[redis.Redis] = []
        self._process = os.getpid()
        self._lock = Lock()

    def get(self, key: str) -> bytes | None:
        """See the contract of stores."""
        found: object = self._ask(lambda server: server.get(self._name(key)))
        return found if isinstance(found, bytes) else None

    def set(self, key: str, value: bytes, ttl: float | None, now: float) -> None:
        """See the contract of stores. A value that is too large is not kept."""
        if len(value) > self._settings.max_bytes:
            self.delete(key)
            return
        milliseconds = None if ttl is None or ttl * 1000 > LONGEST else max(1, int(ttl * 1000))
        self._ask(lambda server: server.set(self._name(key), value, px=milliseconds))

    def delete(self, key: str) -> None:
        """See the contract of stores."""
        self._ask(lambda server: server.delete(self._name(key)))

    def clear(self) -> None:
        """See the contract of stores. Other keys of the server stay."""
        for names in self._names():
            self._ask(partial(_delete, names))
        self._ask(lambda server: server.delete(self._sums))

    def items(self) -> Iterable[tuple[str, bytes]]:
        """See the contract of stores."""
        start = len(self._name(""))
        for names in self._names():
            values = self._ask(partial(_values, names))
            for name, value in zip(names, values, strict=True):
                if isinstance(value, bytes):
                    yield name.decode()[start:], value

    def add(self, sums: Mapping[str, float]) -> None:
        """See the contract of stores."""
        self._ask(partial(_add, self._sums, sums))

    def stats(self) -> Mapping[str, float]:
        """See the contract of stores."""
        sums: Any = self._ask(lambda server: server.hgetall(self._sums))
        entries = size = 0
        for names in self._names():
            entries += len(names)
            size += sum(self._ask(partial(_sizes, names)))
        return {**{name.decode(): float(amount) for name, amount in sums.items()}, "entries": entries, "bytes": size}

    def close(self) -> None:
        """See the contract of stores."""
        self._begin_in_child()
        with self._lock:
            idle, self._idle = self._idle, []
        for server in idle:
            _dropped(server)

    def _names(self) -> Iterable[list[bytes]]:
        cursor, pattern = 0, f"{self._name('')}*"
        seen: set[bytes] = set()  # the server may give a name twice
        while True:
            cursor, found = self._ask(partial(_scan, cursor, pattern))
            if names := list(dict.fromkeys(name for name in found if name not in seen)):
                seen.update(names)
                yield names
            if not cursor:
                return

    def _name(self, key: str) -> str:
        return f"{self._settings.prefix}entry:{key}"

    @property
    def _sums(self) -> str:
        return f"{self._settings.prefix}sums"

    def _ask(self, command: Callable[[redis.Redis], T]) -> T:
        """Run a command on a connection that nobody else has; one that failed in any way is closed for good."""
        try:
            kept = self._kept()
            if kept is not None:
                try:
                    return self._done(kept, command)
                except redis.TimeoutError:
                    self.close()  # what swallowed this one without a word has most likely swallowed all that are idle
                    raise
                except redis.ConnectionError:
                    pass  # the server may have closed it long ago, when it began anew
            return self._done(self._made(), command)
        except (redis.RedisError, OSError) as error:
            # its text may hold what was sent
            raise JackfieldError(f"redis: {type(error).__name__}") from None

    def _done(self, server: redis.Redis, command: Callable[[redis.Redis], T]) -> T:
        try:
            result = command(server)
        except BaseException:  # what is left unread on it would answer the next command
            _dropped(server)
            raise
        with self._lock:
            if len(self._idle) < self._settings.max_connections:
                self._idle.append(server)
                return result
        _dropped(server)
        return result

    def _kept(self) -> redis.Redis | None:
        self._begin_in_child()
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _begin_in_child(self) -> None:
        if self._process != os.getpid():  # a fork shares the sockets of its parent
            self._process, self._idle, self._lock = os.getpid(), [], Lock()

    def _made(self) -> redis.Redis:
        url, timeout = self._settings.url.reveal(), self._settings.timeout
        bounds = {"socket_timeout": timeout}
        if not url.startswith("unix:"):
            bounds["socket_connect_timeout"] = timeout
        made: redis.Redis = redis.Redis.from_url(
            url,
            single_connection_client=True,
            retry=Retry(NoBackoff(), 0),  # by itself it sends again on the connection on which it failed
            **bounds,
        )
        return made


def _scan(cursor: int, pattern: str, server: redis.Redis) -> tuple[int, list[bytes]]:
    found: Any = server.scan(cursor, match=pattern, count=BATCH)
    return found[0], found[1]


def _values(names: list[bytes], server: redis.Redis) -> list[bytes | None]:
    found: Any = server.mget(names)
    return list(found)


def _delete(names: list[bytes], server: redis.Redis) -> None:
    server.delete(*names)


def _sizes(names: list[bytes], server: redis.Redis) -> list[int]:
    return [int(size) for size in _packed(server, [("STRLEN", name) for name in names])]


def _add(key: str, sums: Mapping[str, float], server: redis.Redis) -> None:
    # all of them or none
    adding = [("HINCRBYFLOAT", key, name, repr(float(amount))) for name, amount in sums.items()]
    _packed(server, [("MULTI",), *adding, ("EXEC",)])


def _packed(server: redis.Redis, commands: list[tuple[Any, ...]]) -> list[Any]:
    """The replies to several commands that are sent at once. A pipeline of the library takes a second connection."""
    connection: Any = server.connection
    connection.send_packed_command(connection.pack_commands(commands))
    return [connection.read_response() for _ in commands]


def _dropped(server: redis.Redis) -> None:
    with suppress(Exception):  # it is of no use any more
        if server.connection is not None:
            server.connection.disconnect()  # type: ignore[no-untyped-call]
        server.close()


@hookimpl
def jackfield_settings() -> type[RedisSettings]:
    """The class of the settings."""
    return RedisSettings


@hookimpl
def jackfield_store(settings: Any) -> RedisStore:
    """A store of its own for each cache."""
    return RedisStore(settings)
