"""Lists that page, streams of items, and waits: one implementation for both kinds of client."""

import anyio
import pytest
from attrs import field, frozen

import jackfield as jf
from jackfield.errors import BadRequestError, DeadlineError, MalformedReplyError, ServerError
from jackfield.hooks import hookimpl
from jackfield.operations import Operation, Request, Response, ResponseFold
from jackfield.provider import Provider, serves
from jackfield.runtime import drive
from jackfield.types import Event
from jackfield_jobs.asking import Asking, Items, Polling, paged, streamed, waited
from jackfield_testkit import Simulation

NUMBERS = tuple(range(7))
COLOURS = ["sync", "asyncio", "trio"]


@frozen(repr=False)
class Told(Event):
    value: dict = field(factory=dict)


@frozen(kw_only=True, repr=False)
class Answer(Response):
    items: tuple = ()
    next: str | None = None
    state: str = ""


class Fold(ResponseFold):
    value = None

    def add(self, event):
        if not self.took(event):
            self.value = event.value

    def response(self):
        return Answer(**(self.value or {}), **self.facts())

    def missing(self):
        return "nothing has arrived" if self.value is None else None


LIST = Operation("list", Fold)
LOOK = Operation("look", Fold)
COUNT = Operation("count-up", Fold)


@frozen(kw_only=True)
class ListRequest(Request):
    operation = LIST
    after: str | None = None


@frozen(kw_only=True)
class LookRequest(Request):
    operation = LOOK
    wait: float = 0.0


@frozen(kw_only=True)
class CountRequest(Request):
    operation = COUNT


class Numbers(Provider):
    """Has pages of three numbers, a job that is done at the fourth look, and a stream of numbers."""

    def __init__(self, name, circle=None, fails_at=None):
        super().__init__(name, dict.fromkeys(("list", "look", "count-up"), "m"))
        self.circle, self.fails_at = circle, fails_at
        self.pages, self.looks, self.ended = [], 0, 0

    @serves(LIST)
    async def list(self, call):
        start = int(call.request.after or 0)
        self.pages.append(start)
        if start == self.fails_at:
            raise ServerError("the second page is lost", status=500)
        next_ = self.circle if self.circle and start else str(start + 3) if start + 3 < len(NUMBERS) else None
        yield Told({"items": NUMBERS[start : start + 3], "next": next_})

    @serves(LOOK)
    async def look(self, call):
        await call.runtime.sleep(call.request.wait)
        self.looks += 1
        yield Told({"state": "done" if self.looks == 4 else "running"})

    @serves(COUNT)
    async def count(self, call):
        try:
            for number in NUMBERS:
                yield Told({"items": (number,)})
                yield Told({"state": "nothing"})
        finally:
            self.ended += 1


def built(provider):
    class Plugin:
        @staticmethod
        @hookimpl
        def jackfield_operations():
            return [LIST, LOOK, COUNT]

        @staticmethod
        @hookimpl
        def jackfield_provider(name, settings):
            return provider

    return {"config": {"default": "n"}, "plugins": {"provider": {"n": Plugin}}}


def in_colour(colour, provider, blocking, awaiting):
    """What a function of an `Asking` gives: one for a `Client`, or one that is awaited."""
    if colour == "sync":
        with jf.Client(**built(provider)) as client:
            return blocking(Asking(client))

    async def main():
        async with jf.AsyncClient(**built(provider)) as client:
            return await awaiting(Asking(client))

    return anyio.run(main, backend=colour)


def read(colour, provider, items, until=None):
    """What a loop over items sees, up to a number of them."""

    def blocking(asking):
        found = []
        with items(asking) as each:
            for item in each:
                found.append(item)
                if len(found) == until:
                    break
        return found

    async def awaiting(asking):
        found = []
        async with items(asking) as each:
            async for item in each:
                found.append(item)
                if len(found) == until:
                    break
        return found

    return in_colour(colour, provider, blocking, awaiting)


def numbers(asking):
    return paged(asking, ListRequest(model="n"))


def counted(asking):
    def take(event):
        return next(iter(event.value.get("items", ())), None) if isinstance(event, Told) else None

    return streamed(asking, CountRequest(model="n"), take)


@pytest.mark.parametrize("colour", COLOURS)
def test_pages_are_fetched_as_they_are_read(colour):
    provider = Numbers("n")
    assert read(colour, provider, numbers, until=4) == [0, 1, 2, 3]
    assert provider.pages == [0, 3]
    assert read(colour, provider, numbers) == list(NUMBERS)


@pytest.mark.parametrize("colour", COLOURS)
def test_all_gives_a_list_each_time(colour):
    async def awaiting(asking):
        items = numbers(asking)
        return await items, await items.all()

    def blocking(asking):
        items = numbers(asking)
        return list(items), items.all()

    assert in_colour(colour, Numbers("n"), blocking, awaiting) == (list(NUMBERS), list(NUMBERS))


def test_the_wrong_kind_of_loop_is_told_the_right_one():
    async def awaiting(asking):
        return numbers(asking)

    items = in_colour("asyncio", Numbers("n"), None, awaiting)
    with pytest.raises(TypeError, match="use `async for`, or await them"):
        iter(items)
    items = in_colour("sync", Numbers("n"), numbers, None)
    with pytest.raises(TypeError, match="use `for`"):
        aiter(items)


@pytest.mark.parametrize("circle", ["3", "6"])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_list_that_goes_in_a_circle_is_an_error(colour, circle):
    with pytest.raises(MalformedReplyError, match=f"it comes to the page after '{circle}' again"):
        read(colour, Numbers("n", circle=circle), numbers)


@pytest.mark.parametrize("colour", COLOURS)
def test_an_error_comes_where_its_page_is_read(colour):
    provider, seen = Numbers("n", fails_at=3), []

    def blocking(asking):
        seen.extend(numbers(asking))

    async def awaiting(asking):
        async for item in numbers(asking):
            seen.append(item)  # noqa: PERF401 - what came before the error is wanted, too

    with pytest.raises(ServerError, match="the second page is lost"):
        in_colour(colour, provider, blocking, awaiting)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_stream_gives_its_items_and_is_closed(colour):
    provider = Numbers("n")
    assert read(colour, provider, counted) == list(NUMBERS)
    assert provider.ended == 1
    assert read(colour, provider, counted, until=2) == [0, 1]
    assert provider.ended == 2


def wait(polling=None, timeout=None, seen=None):
    async def main(client):
        done = waited(
            Asking(client),
            LookRequest(model="n"),
            lambda answer: answer.state == "done",
            polling=polling,
            timeout=timeout,
            progress=None if seen is None else lambda answer: seen.append(answer.state),
        )
        return (await done).state

    provider, simulation = Numbers("n"), Simulation()
    client = simulation.client(**built(provider))
    return simulation.run(main(client)), simulation.now, provider


def test_a_wait_looks_less_and_less_often():
    seen = []
    assert wait(seen=seen)[:2] == ("done", 2 + 3 + 4.5)
    assert seen == ["running"] * 3 + ["done"]
    assert wait(Polling(first=1, factor=10, most=5))[1] == 1 + 5 + 5


def test_a_wait_that_takes_too_long_says_that_the_job_goes_on():
    with pytest.raises(DeadlineError, match="not done after 5 seconds of waiting; it goes on"):
        wait(timeout=9)


def test_a_wait_may_be_longer_than_a_call():
    async def main(client):
        return (await waited(Asking(client), LookRequest(model="n"), lambda answer: answer.state == "done")).state

    simulation, more = Simulation(), built(Numbers("n"))
    client = simulation.client({**more["config"], "timeouts": {"total": 1}}, plugins=more["plugins"])
    assert simulation.run(main(client)) == "done"


def test_a_client_that_blocks_waits_too():
    with jf.Client(**built(Numbers("n"))) as client:
        asking = Asking(client)
        polling = Polling(first=0.01, most=0.01)
        job = waited(asking, LookRequest(model="n"), lambda answer: answer.state == "done", polling=polling)
        assert asking.finished(job).state == "done"


@pytest.mark.parametrize("wrong", [{"first": 0}, {"first": 100}, {"factor": 0.5}, {"first": -1, "most": 5}])
def test_polling_that_cannot_work_is_refused(wrong):
    with pytest.raises(BadRequestError, match="polling: expected 0 < first <= most and a factor of at least 1"):
        Polling(**wrong)


@pytest.mark.parametrize("colour", COLOURS)
def test_what_progress_gives_is_awaited(colour):
    seen = []

    async def told(answer):
        seen.append(answer.state)

    polling = Polling(first=0.01, most=0.01)

    async def awaiting(asking):
        done = waited(asking, LookRequest(model="n"), lambda one: one.state == "done", polling=polling, progress=told)
        return (await done).state

    def blocking(asking):
        return asking.finished(awaiting(asking))

    assert in_colour(colour, Numbers("n"), blocking, awaiting) == "done"
    assert seen == ["running"] * 3 + ["done"]


def test_how_long_to_wait_next():
    polling = Polling(first=2, factor=3, most=10)
    assert [polling.after(0.0), polling.after(2), polling.after(6)] == [2, 6, 10]


def test_a_reading_of_its_own_is_closed_by_whoever_took_it():
    with jf.Client(**built(provider := Numbers("n"))) as client:
        source = counted(Asking(client)).source()
        while not (some := drive(source.next())):
            pass
        assert some == (0,)
        drive(source.close())
    assert provider.ended == 1


class Failing:
    """Gives one item, then nothing for a while, and fails."""

    def __init__(self):
        self.given, self.closed = iter([["a"], [], []]), 0

    async def next(self):
        for some in self.given:
            return some
        raise MalformedReplyError("it breaks off")

    async def close(self):
        self.closed += 1


@pytest.mark.parametrize("colour", COLOURS)
def test_a_source_that_fails_behind_nothing_is_closed(colour):
    source, seen = Failing(), []

    def blocking(asking):
        seen.extend(Items(asking, lambda: source))

    async def awaiting(asking):
        async for item in Items(asking, lambda: source):
            seen.append(item)  # noqa: PERF401 - what came before the error is wanted, too

    with pytest.raises(MalformedReplyError, match="it breaks off"):
        in_colour(colour, Numbers("n"), blocking, awaiting)
    assert (seen, source.closed) == (["a"], 1)
