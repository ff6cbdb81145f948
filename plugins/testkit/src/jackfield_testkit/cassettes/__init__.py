"""Cassettes: exchanges with a live service, recorded in a file that can be read, and replayed in tests."""

from __future__ import annotations

from .exchange import Cassette, CassetteError, CassetteFault, RecordedExchange
from .recorder import Recorder
from .replay import Match, Replay
from .scrubbing import SCRUBBED, Scrub
from .session import MODES, CassetteSession, Mode

__all__ = ["MODES", "SCRUBBED", "Cassette", "CassetteError", "CassetteFault", "CassetteSession", "Match", "Mode"]
__all__ += ["RecordedExchange", "Recorder", "Replay", "Scrub"]
