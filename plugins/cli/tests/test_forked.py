"""A command that is forked does what one that is started does, in every way in which the other tests look at it."""

import pytest

ENDS = """
import os, signal, sys
if said == "user=die":
    os.kill(os.getpid(), signal.SIGKILL)
if said == "user=leave":
    raise SystemExit(7)
if said == "user=look":
    yield TextDelta(repr([os.getcwd(), sorted(os.environ), sys.argv, sys.path, sys.flags, sys.stdin.isatty()]))
yield TextDelta(said)
yield STOP
"""


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["--help"], b""),
        (["nonsense"], b""),
        (["chat"], "\N{SNOWMAN}".encode() * 100_000),
        (["chat", "die"], b""),
        (["chat", "leave"], b""),
        (["chat", "look"], b""),
        (["config", "explain"], b""),
        (["doctor", "--json"], b""),
        (["plugins", "--json"], b""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_forked_command_is_like_one_that_is_started(place, arguments, given):
    place.stage(ENDS)
    forked = place.run(*arguments, given=given, MORE="x")
    place.anew = True
    assert forked == place.run(*arguments, given=given, MORE="x")
    assert forked.out or forked.err or forked.code
