"""A client in virtual time whose provider plays scripts, behind a middleware that asks again."""

from __future__ import annotations

from typing import Any

from fakes import Player, playing

from jackfield.errors import JackfieldError, ServerError
from jackfield_testkit import Simulation


def failing(count: int, then: list[Any], make: Any = lambda: ServerError("no", status=500)) -> list[list[Any]]:
    """Scripts for a Player: so many failures, then this."""
    return [*([make()] for _ in range(count)), then]


def world(*scripts: Any, retry: Any, player: Any = None, seed: int = 0) -> tuple[Simulation, Any, Player]:
    """A simulation, its client, and the provider that plays the scripts."""
    simulation = Simulation(seed=seed)
    player = player or Player(*scripts)
    more = playing(player)
    return simulation, simulation.client(more["config"], plugins=more["plugins"], middleware=[retry]), player


async def streamed(client: Any, *args: Any, **options: Any) -> Any:
    """Read a stream to its end, and give its response."""
    async with client.stream(*args, **options) as stream:
        async for _ in stream:
            pass
        return stream.response


def asked(client: Any, streaming: bool, *args: Any, **options: Any) -> Any:
    """A chat, streamed or not."""
    return streamed(client, *args, **options) if streaming else client.chat(*args, **options)


def raised(simulation: Simulation, awaitable: Any) -> JackfieldError:
    """The error that a call ends with."""
    try:
        simulation.run(awaitable)
    except JackfieldError as error:
        return error
    raise AssertionError("the call succeeded")


def same(error: JackfieldError, prepared: JackfieldError) -> bool:
    """Whether a call ended with this error, or with a copy: one that was raised before may be another call's."""
    return type(error) is type(prepared) and error.args == prepared.args and error.status == prepared.status
