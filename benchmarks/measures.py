"""What is measured, of whom, and what was promised."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

HTTPX = "httpx + json"
HTTPX2 = "httpx2 + json"
NO_TLS = "httpx + json, no TLS set up"
OURS = "jackfield"
OURS_ON_2 = "jackfield on httpx2"
LAYERED = "jackfield, five middlewares"
ONE_LAYER = "jackfield, a middleware that does nothing"
RETRYING = "jackfield, retry"
REPLAYED = "jackfield, the same events without looking"
EMPTY = "jackfield, two middlewares that do nothing"
DISCARDS = "jackfield, logging that discards"
THREE = "jackfield, cache in memory, logging that discards and retry"
LANGCHAIN = "langchain_chat"  # as `--peer` calls it
LANGCHAIN_SQLITE = "langchain_chat, in SQLite"


class Promise(NamedTuple):
    """How a row is to compare with another: their ratio, or how much it costs beyond it; or what itself may be."""

    other: str
    most: float
    how: Literal["ratio", "beyond", "itself"] = "ratio"


class Row(NamedTuple):
    """A subject as it is measured. `program` stands in for a subject in measures of fresh processes."""

    label: str
    subject: str = ""
    options: tuple[str, ...] = ()
    program: str = ""
    promises: tuple[Promise, ...] = ()

    @property
    def ours(self) -> bool:
        return self.label.startswith(OURS)

    @property
    def needs_httpx2(self) -> bool:
        return "httpx2" in self.label


class Measure(NamedTuple):
    """One table.

    `kind` is the work of a worker, or how fresh processes are measured. `calls` is how much is done in one turn of a
    round; `unit` is what one piece of it is called. `gauge` is the unit of what is measured where that is no time.
    `of_peers` are further rows, each for the peer that is its subject, where that is there.
    """

    name: str
    title: str
    kind: str
    rows: tuple[Row, ...]
    unit: str = ""
    calls: int = 1
    rounds: int = 60
    rate: bool = False
    gauge: str = ""
    of_peers: tuple[Row, ...] = ()

    @property
    def fresh(self) -> bool:
        return self.kind in {"printed", "whole"}


MEMORY = Row("jackfield, a hit in memory", "jackfield_client", ("use=cache",))
SQLITE = Row("jackfield, a hit in SQLite", "jackfield_client", ("use=cache:sqlite",))
REPLAY = Row(REPLAYED, "jackfield_client", ("use=replay",))


def hit(row: Row, *promises: Promise) -> Row:
    """A hit: beside the same events without looking, and as was promised."""
    return row._replace(promises=(*promises, Promise(REPLAYED, float("inf"), "beyond")))


def three(unit: str, kind: str, most: float, **more: int) -> Measure:
    """What the three cost together that most programs have, where every request is a new one."""
    return Measure(
        f"three-{unit}",
        f"cache, logging and retry together, a {unit} that nobody has asked for before: processor time",
        kind,
        (
            Row(OURS, "jackfield_client", ("vary=yes",)),
            Row(
                THREE,
                "jackfield_client",
                ("use=cache+logging+retry", "vary=yes"),
                promises=(Promise(OURS, most, "beyond"), Promise(OURS, float("inf"))),
            ),
        ),
        unit,
        **more,
    )


def logs(unit: str, kind: str, empty: float, most: float, **more: int) -> Measure:
    """What the logging middleware costs, which is two of them: beside no middleware, and beside two that do nothing."""
    title = f"logging, {'async ' if kind.startswith('async') else ''}a {unit}: processor time"
    rows = (
        Row(OURS, "jackfield_client"),
        Row(EMPTY, "jackfield_client", ("layers=2",), promises=(Promise(OURS, float("inf"), "beyond"),)),
        Row(
            DISCARDS,
            "jackfield_client",
            ("use=logging",),
            promises=(Promise(OURS, most, "beyond"), Promise(EMPTY, empty, "beyond")),
        ),
        *(
            Row(
                f"jackfield, logging to {what}",
                "jackfield_client",
                (f"use=logging:{what}",),
                promises=(Promise(OURS, float("inf"), "beyond"), Promise(OURS, float("inf"))),
            )
            for what in ("jsonl", "journal")
        ),
    )
    return Measure(f"{'async-' if kind.startswith('async') else ''}logging-{unit}", title, kind, rows, unit, **more)


TIMED = "import time; begun = time.process_time(); {}; print(time.process_time() - begun)"
BUILT = (
    "import jackfield as jf; openai = {'api_key': 'sk-x'}; "
    "client = jf.Client({'default': 'openai', 'engine': 'httpx', 'providers': {'openai': openai}}); "
    "client.stream('Hello')"
)
FIRST = (
    "import sys; sys.path.insert(0, {here!r}); from subjects.{subject} import Sync; "
    "Sync({url!r} + '/chat/v1', **{options!r}).chat(); import time; print(time.process_time())"
)
GROWN = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
    "from transfers import growth; print(growth({!r}, {!r}, {{calls}}))"
)
TRANSFERS = (("upload", "an upload"), ("parts", "an upload in parts"), ("download", "a download"))
HELP = "import sys; sys.argv = ['jackfield', '--help']; from jackfield_cli.main import main; main()"

MEASURES = (
    Measure(
        "import",
        "importing: processor time of the statement, and of the interpreter's own start",
        "printed",
        (
            Row("import httpx", program=TIMED.format("import httpx")),
            Row("python -c pass", program="import time; print(time.process_time())"),
            Row(OURS, program=TIMED.format("import jackfield"), promises=(Promise("import httpx", 0.5),)),
            Row(
                f"{OURS}, with a client ready to call OpenAI",
                program=TIMED.format(BUILT),
                promises=(Promise("import httpx", 1.5),),
            ),
        ),
        "import",
        rounds=20,
    ),
    Measure(
        "first",
        "from the start of a process to its first reply: processor time",
        "printed",
        (
            Row(HTTPX, "bare_httpx"),
            Row(NO_TLS, "bare_httpx", ("tls=no",)),
            Row(OURS, "jackfield_client", promises=(Promise(HTTPX, 1.3), Promise(NO_TLS, 1.3))),
        ),
        "start",
        rounds=20,
    ),
    Measure(
        "help",
        "`jackfield --help`: processor time of the whole process",
        "whole",
        (
            Row("python -c pass", program="pass"),
            Row(f"{OURS} --help", program=HELP, promises=(Promise("python -c pass", 8),)),
        ),
        "start",
        rounds=20,
    ),
    Measure(
        "chat",
        "a blocking chat: processor time of a call",
        "chat",
        (
            Row(HTTPX, "bare_httpx"),
            Row(OURS, "jackfield_client", promises=(Promise(HTTPX, 1.15),)),
            Row(LAYERED, "jackfield_client", ("layers=5",), promises=(Promise(OURS, 20, "beyond"),)),
            Row(ONE_LAYER, "jackfield_client", ("layers=1",)),
            Row(RETRYING, "jackfield_client", ("use=retry",), promises=(Promise(OURS, 15, "beyond"),)),
            Row(HTTPX2, "bare_httpx", ("library=httpx2",)),
            Row(OURS_ON_2, "jackfield_client", ("engine=httpx2",), promises=(Promise(HTTPX2, 1.15),)),
        ),
        "call",
        calls=40,
    ),
    Measure(
        "stream",
        "a stream of 2,000 chunks in a burst: processor time of a chunk",
        "stream",
        (
            Row(HTTPX, "bare_httpx"),
            Row(OURS, "jackfield_client", promises=(Promise(HTTPX, 15, "beyond"),)),
            Row(LAYERED, "jackfield_client", ("layers=5",), promises=(Promise(OURS, 2, "beyond"),)),
            Row(ONE_LAYER, "jackfield_client", ("layers=1",)),
            Row(RETRYING, "jackfield_client", ("use=retry",), promises=(Promise(OURS, 1, "beyond"),)),
            Row(HTTPX2, "bare_httpx", ("library=httpx2",)),
            Row(OURS_ON_2, "jackfield_client", ("engine=httpx2",), promises=(Promise(HTTPX2, 15, "beyond"),)),
        ),
        "chunk",
        rounds=30,
    ),
    Measure(
        "async-stream",
        "the same stream under asyncio: processor time of a chunk",
        "async-stream",
        (
            Row(HTTPX, "bare_httpx"),
            Row(OURS, "jackfield_client", promises=(Promise(HTTPX, 15, "beyond"),)),
            Row(LAYERED, "jackfield_client", ("layers=5",), promises=(Promise(OURS, 2, "beyond"),)),
            Row(ONE_LAYER, "jackfield_client", ("layers=1",)),
            Row(RETRYING, "jackfield_client", ("use=retry",), promises=(Promise(OURS, 1, "beyond"),)),
            Row(OURS_ON_2, "jackfield_client", ("engine=httpx2",)),
        ),
        "chunk",
        rounds=30,
    ),
    Measure(
        "at-once",
        "50 chats at once under asyncio: calls a second",
        "at-once",
        (
            Row(HTTPX, "bare_httpx"),
            Row(OURS, "jackfield_client"),
            Row(LAYERED, "jackfield_client", ("layers=5",)),
            Row(HTTPX2, "bare_httpx", ("library=httpx2",)),
            Row(OURS_ON_2, "jackfield_client", ("engine=httpx2",)),
        ),
        "call",
        calls=4,
        rounds=20,
        rate=True,
    ),
    Measure(
        "cached",
        "a blocking chat that was asked before, the whole of it: processor time of a call",
        "cached",
        # 20 µs and 40 µs where langchain takes 130 µs and 490 µs; elsewhere the same share of what it takes there
        (REPLAY, hit(MEMORY, Promise(LANGCHAIN, 20 / 130)), hit(SQLITE, Promise(LANGCHAIN_SQLITE, 40 / 490))),
        "call",
        calls=200,
        of_peers=(Row(LANGCHAIN_SQLITE, LANGCHAIN, ("store=sqlite",)),),
    ),
    Measure(
        "async-cached",
        "the same under asyncio: processor time of a call",
        "async-cached",
        (REPLAY, hit(MEMORY), hit(SQLITE)),
        "call",
        calls=200,
    ),
    Measure(
        "embed",
        "256 embeddings of 1,536 numbers: processor time of a batch",
        "embed",
        (Row(HTTPX, "bare_httpx"), Row(OURS, "jackfield_client")),
        "batch",
        rounds=20,
    ),
    Measure(
        "files",
        "a file of a gigabyte, up and down: by how much the peak of the process grows",
        "printed",
        tuple(
            Row(
                f"{OURS}, {what}{', asyncio' if colour == 'asyncio' else ''}",
                program=GROWN.format(direction, colour),
                promises=(Promise("", 32, "itself"),),
            )
            for direction, what in TRANSFERS
            for colour in ("sync", "asyncio")
        ),
        "file",
        calls=1000,
        rounds=1,
        gauge="MB",
    ),
    logs("call", "chat", 10, 20, calls=40),
    logs("chunk", "stream", 1, 2, rounds=30),
    logs("chunk", "async-stream", 1, 2, rounds=30),
    three("call", "chat", 30, calls=40),
    three("chunk", "stream", 2, rounds=30),
)
