"""Plays a cassette in the place of the network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias, get_args

from jackfield.errors import (
    ConfigurationError,
    ConnectionFailedError,
    ConnectTimeoutError,
    DeadlineError,
    JackfieldError,
    ReadTimeoutError,
    StreamInterruptedError,
    TruncatedStreamError,
)
from jackfield.http import HttpRequest
from jackfield.provider import Endpoint
from jackfield.runtime import Control, Limits, Lock, Network, Reply

from .differences import differences
from .exchange import Cassette, CassetteError, RecordedExchange
from .scrubbing import Scrub

__all__ = ["Match", "Replay", "check_match"]

Match: TypeAlias = Literal["order", "any"]
ANEW: Final = "to record anew: pytest --jackfield-record=rewrite"


def check_match(match: object) -> None:
    """See whether this is a way to match.

    Raises:
        ConfigurationError: it is not.
    """
    if match not in get_args(Match):
        raise ConfigurationError(f"match: expected one of {', '.join(get_args(Match))}, got {match!r}")


class Replay(Network):
    """Answers with what was recorded: `Client(transport=Replay("hello.json"))`. See `jackfield.runtime.Network`.

    Each exchange is played once. A request that is not the recorded one is a `CassetteError` that says what differs;
    the same stands in `problems`, since a program may catch the error. One replay serves clients of both kinds.

    Attributes:
        cassette: what is played.
        problems: what went wrong until now.
    """

    name = "cassette"

    def __init__(
        self, cassette: Cassette | str | os.PathLike[str], *, match: Match = "order", scrub: Scrub | None = None
    ) -> None:
        """Put a cassette in.

        Args:
            cassette: it, or its file.
            match: whether requests come in the recorded order, or in "any".
            scrub: what was given to the recorder; requests are compared after it was done to them.

        Raises:
            CassetteError: the file cannot be read.
            ConfigurationError: there is no such match.
        """
        check_match(match)
        self.cassette: Cassette = cassette if isinstance(cassette, Cassette) else Cassette.load(cassette)
        self.problems: list[str] = []
        self._match = match
        self._scrub = scrub or Scrub()
        self._left = list(self.cassette.exchanges)
        self._lock = Lock()

    @property
    def unplayed(self) -> list[RecordedExchange]:
        """The exchanges that nobody has asked for yet."""
        return self._left[:]

    def check(self) -> None:
        """See whether every request was the recorded one, and every exchange was played.

        Raises:
            CassetteError: says what was not.
        """
        problems = self.problems[:]
        if not problems and self._left:
            problems.append("\n  ".join([f"{self._what}: not played:", *map(str, self._left)]) + f"\n({ANEW})")
        if problems:
            raise CassetteError("\n".join(problems))

    async def send(
        self, target: Endpoint, request: HttpRequest, limits: Limits, control: Control, *, repeatable: bool
    ) -> Reply:
        """Play the exchange of a request."""
        secrets = [] if target.credential is None else [target.credential.resolve().reveal()]
        asked = self._scrub.knowing(secrets).request(target.addressed(request))
        with self._lock:
            found = self._take(asked)
        if not found.status:
            raise self._failed(found, target, limits)
        return _PlayedReply(found, self, limits)

    async def aclose(self) -> None:
        """There is nothing to close."""

    def report(self, problem: str) -> CassetteError:
        """The error for something that went wrong."""
        self.problems.append(problem)
        return CassetteError(problem)

    @property
    def _what(self) -> str:
        return str(self.cassette.path or "cassette")

    def _take(self, asked: HttpRequest) -> RecordedExchange:
        candidates = self._left if self._match == "any" else self._left[:1]
        closest: list[str] | None = None
        for index, one in enumerate(candidates):
            found = differences(one.request, asked, self._scrub)
            if not found:
                return self._left.pop(index)
            closest = found if closest is None or len(found) < len(closest) else closest
        what = f"{asked.method} {asked.origin}{asked.path}"
        if closest is None:
            total = len(self.cassette.exchanges)
            raise self.report(
                f"{self._what}: all {total} exchanges were played, and another was asked: {what}\n({ANEW})"
            )
        number = len(self.cassette.exchanges) - len(self._left) + 1
        which = "none of those left is" if self._match == "any" else f"exchange {number} is not"
        heading = f"{self._what}: {which} what was asked, {what}" + (
            ", the nearest by:" if self._match == "any" else ":"
        )
        raise self.report("\n  ".join([heading, *closest]) + f"\n({ANEW})")

    def _failed(self, one: RecordedExchange, target: Endpoint, limits: Limits) -> JackfieldError:
        match one.fault:
            case "unreachable":
                return ConnectTimeoutError(f"no connection to {target.origin} within {limits.connect} s (recorded)")
            case "silent":
                return ReadTimeoutError(f"nothing was received for {limits.silence} s (recorded)")
            case "deadline":
                return DeadlineError("the call's deadline has passed (recorded)")
            case "refused" | "lost":
                failed = ConnectionFailedError(
                    f"no reply from {target.origin}: the connection was {one.fault} (recorded)"
                )
                failed.sent = one.fault == "lost"
                return failed
        return self.left(one)

    def left(self, one: RecordedExchange) -> CassetteError:
        """The error for whoever reads on where the recording had been left."""
        where = "inside the reply" if one.status else "before a reply"
        return self.report(
            f"{self._what}: {one} was left {where} when it was recorded: nothing is known of the rest\n({ANEW})"
        )


class _PlayedReply(Reply):
    """See `jackfield.runtime.Reply`."""

    def __init__(self, one: RecordedExchange, replay: Replay, limits: Limits) -> None:
        self.status = one.status
        self.headers = dict(one.headers)
        self._one = one
        self._replay = replay
        self._limits = limits
        self._pieces: Iterator[bytes] = iter(one.pieces)

    async def read(self) -> bytes | None:
        """The next piece, as it arrived when it was recorded."""
        data = next(self._pieces, None)
        if data is not None or self._one.fault is None:
            return data
        match self._one.fault:
            case "stall":
                raise ReadTimeoutError(f"nothing was received for {self._limits.silence} s (recorded)")
            case "deadline":
                raise DeadlineError("the call's deadline has passed (recorded)")
            case "reset":
                raise StreamInterruptedError("the connection broke (recorded)")
            case "truncated":
                raise TruncatedStreamError("the reply ended inside its encoding (recorded)")
        raise self._replay.left(self._one)

    async def drain(self) -> None:
        """Nothing follows."""

    async def aclose(self) -> None:
        """There is nothing to close."""
