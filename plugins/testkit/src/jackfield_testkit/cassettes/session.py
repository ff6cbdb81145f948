"""A cassette in use: recorded or replayed, as the mode says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from jackfield import AsyncClient, Client
from jackfield.config import read_environment
from jackfield.errors import ConfigurationError
from jackfield.runtime import Network, NetworkWrapper

from .exchange import CassetteError
from .recorder import Recorder
from .replay import Match, Replay, check_match
from .scrubbing import Scrub

__all__ = ["MODES", "CassetteSession", "Mode"]

Mode: TypeAlias = Literal["replay", "once", "rewrite"]
REPLAYED: Final = "no-key-as-this-is-replayed"
MODES: Final[tuple[Mode, ...]] = get_args(Mode)


class CassetteSession:
    """What the fixture `jackfield_cassette` gives.

    Attributes:
        path: the file.
        recording: whether requests go to the live service, and are recorded.
    """

    def __init__(
        self, path: str | os.PathLike[str], mode: Mode = "replay", *, match: Match = "order", scrub: Scrub | None = None
    ) -> None:
        """Put a cassette in.

        Args:
            path: its file.
            mode: "replay" it; record it "once", where it is missing, and replay it where it is there; or "rewrite" it.
            match: see `Replay`.
            scrub: see `Recorder` and `Replay`.

        Raises:
            CassetteError: the file is missing or broken.
            ConfigurationError: there is no such mode or match.
        """
        if mode not in MODES:
            raise ConfigurationError(f"mode: expected one of {', '.join(MODES)}, got {mode!r}")
        check_match(match)  # also where nothing is matched yet
        self.path: Path = Path(path)
        missing = not self.path.is_file()
        if missing and mode == "replay":
            how = "pytest --jackfield-record=once"
            raise CassetteError(f"{self.path}: there is no such cassette; to record it against the live service: {how}")
        self.recording: bool = mode == "rewrite" or missing
        self._clients: list[Client] = []
        self._network: Recorder | Replay = (
            Recorder(scrub) if self.recording else Replay(self.path, match=match, scrub=scrub)
        )

    @property
    def transport(self) -> Network | NetworkWrapper:
        """What a client of your own takes as `transport`; it serves both kinds."""
        return self._network

    def client(self, config: Any = None, **options: Any) -> Client:
        """A `Client` on this cassette; takes what that takes. It is closed when the test ends."""
        client = Client(config, transport=self._network, **options)
        self._clients.append(client)
        return client

    def async_client(self, config: Any = None, **options: Any) -> AsyncClient:
        """An `AsyncClient` on this cassette; takes what that takes. Close it in its event loop, by `async with`."""
        return AsyncClient(config, transport=self._network, **options)

    def key(self, variable: str) -> str:
        """The key in a variable, where this records; where it is replayed, a key that opens nothing.

        The variable is looked for in the environment, in `.env.local` and in `.env`.

        Raises:
            CassetteError: the variable is needed, and is not set.
        """
        if not self.recording:
            return REPLAYED
        found = read_environment(Path.cwd()).get(variable)
        if found is None:
            raise CassetteError(f"{variable} is not set, which recording {self.path} needs")
        return found.value

    def finish(self, *, check: bool = True) -> None:
        """Write what was recorded; or see whether all was played as it was recorded, unless that is not to be checked.

        Raises:
            CassetteError: says what was not; or the file cannot be written.
        """
        for client in self._clients:
            client.close()
        if isinstance(self._network, Recorder):
            made = self._network.cassette()
            if made.exchanges:  # a test that was skipped leaves no file
                made.save(self.path)
        elif check:
            self._network.check()
