"""Whole calls: through every kind of client, and in virtual time, where they are left, cancelled or late."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import cycle
from typing import Any, Final

import attrs

from jackfield import AsyncClient
from jackfield.errors import DeadlineError, JackfieldError
from jackfield.http import HttpRequest, HttpResponse
from jackfield.operations import Request, Response

from ..network import Answer
from ..simulation import Simulation
from ..tasks import Cancelled
from ..transport import FunctionNetwork
from ._cases import expect, told
from ._faces import through
from ._samples import Sample

__all__ = ["NAME", "check_cancelled", "check_late", "check_left", "reply_through", "scripted"]

NAME: Final = "kit"
"""What the suites call the instance of the provider."""

PIECES: Final = 12
MOMENTS = 30


def scripted(sample: Sample, *, streaming: bool, slowly: bool = False) -> Callable[[HttpRequest], Answer]:
    """A network that gives the replies of a sample, over and over."""
    body = sample.body(streaming=streaming) or b""
    last = Answer(200, sample.head(streaming=streaming), body, latency=1.0 if slowly else 0.0)
    last = last.slowly(max(len(body) // PIECES, 1), 1.0) if slowly else last
    answers = cycle([*(Answer(one.status, dict(one.headers), one.body or b"") for one in sample.first), last])
    return lambda _: next(answers)


def _transport(sample: Sample, *, streaming: bool) -> FunctionNetwork:
    answer = scripted(sample, streaming=streaming)

    def respond(request: HttpRequest) -> HttpResponse:
        made = answer(request)
        return HttpResponse(made.status, made.headers, b"".join(one for one in made.pieces() if isinstance(one, bytes)))

    return FunctionNetwork(respond)


def reply_through(face: str, sample: Sample, options: dict[str, Any], *, streaming: bool) -> Response:
    """The reply to a sample's request, through a client of this kind."""
    if sample.forms:
        options = {**options, "transport": _transport(sample, streaming=streaming)}
    heard = through(face, options, _addressed(sample.request), streaming=streaming)
    expect(heard.error is None, f"the call failed: {heard.error!r}")
    response: Response = heard.response
    return response


Call = Callable[[AsyncClient], Awaitable[Any]]


def _addressed(request: Request[Any, Any]) -> Request[Any, Any]:
    """A sample's request, which names a model alone, as a client takes it."""
    return request if request.model is None else attrs.evolve(request, model=f"{NAME}:{request.model}")


def _world(sample: Sample, options: dict[str, Any], *, streaming: bool) -> tuple[Simulation, AsyncClient]:
    simulation = Simulation(scripted(sample, streaming=streaming, slowly=True))
    return simulation, simulation.client(**options)


def _read(sample: Sample, *, streaming: bool, leave: int | None = None, **more: Any) -> Call:
    async def read(client: AsyncClient) -> Any:
        if not streaming:
            return await client.call(_addressed(sample.request), **more)
        async with client.stream(_addressed(sample.request), **more) as stream:
            seen = 0
            async for _ in stream:
                seen += 1
                if seen == leave:
                    return None
            return seen

    return read


def _moments(sample: Sample, options: dict[str, Any], *, streaming: bool) -> list[float]:
    """Moments between the beginning and the end of a call, so that some lie within each of its waits."""
    simulation, client = _world(sample, options, streaming=streaming)
    simulation.run(_read(sample, streaming=streaming)(client))
    return [simulation.now * (number + 0.5) / MOMENTS for number in range(MOMENTS)] if simulation.now else []


def check_cancelled(sample: Sample, options: dict[str, Any], *, streaming: bool) -> None:
    """Cancel a call at each moment at which it waits, and see that nothing stays open."""
    for moment in _moments(sample, options, streaming=streaming):
        simulation, client = _world(sample, options, streaming=streaming)
        task = simulation.spawn(_read(sample, streaming=streaming)(client))
        simulation.run(simulation.runtime.sleep(moment))
        task.cancel()
        simulation.run(simulation.runtime.sleep(60))
        when = f"cancelled after {moment:.2f} s"
        expect(task.ended.happened, f"{when}, the call goes on: never swallow a cancellation")
        expect(isinstance(task.error, Cancelled), f"{when}, it ends with {task.error!r}: never swallow a cancellation")
        _check_closed(simulation, when)


def check_left(sample: Sample, options: dict[str, Any]) -> None:
    """Leave a stream after each of its events, and see that nothing stays open."""
    simulation, client = _world(sample, options, streaming=True)
    number = simulation.run(_read(sample, streaming=True)(client))
    for leave in range(1, number + 1):
        simulation, client = _world(sample, options, streaming=True)
        simulation.run(_read(sample, streaming=True, leave=leave)(client))
        _check_closed(simulation, f"left after {leave} events")


def check_late(sample: Sample, options: dict[str, Any], *, streaming: bool) -> None:
    """Let the deadline pass at each moment: a typed error, in time, and nothing stays open."""
    for late in _moments(sample, options, streaming=streaming):
        simulation, client = _world(sample, options, streaming=streaming)
        try:
            simulation.run(_read(sample, streaming=streaming, timeout=late)(client))
        except DeadlineError:
            expect(simulation.now <= late + 0.001, f"a deadline of {late:.2f} s was kept after {simulation.now:.2f} s")
        except JackfieldError as error:
            raise AssertionError(f"a deadline of {late:.2f} s raised {told(error)}, not a DeadlineError") from error
        else:
            raise AssertionError(f"a deadline of {late:.2f} s was overrun: the call took {simulation.now:.2f} s")
        _check_closed(simulation, f"late after {late:.2f} s")


def _check_closed(simulation: Simulation, when: str) -> None:
    paths = [asked.request.path for asked in simulation.open]
    expect(not paths, f"{when}, the connections of these are still open: {', '.join(paths)}")
    expect(not simulation.tasks, f"{when}, something still runs: {told([one.name for one in simulation.tasks])}")
