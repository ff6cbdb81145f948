"""The middleware: looks for a call's reply before anybody is asked for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, Final

from attrs import define, frozen

from jackfield.call import Call
from jackfield.errors import BadRequestError, JackfieldError, PluginError
from jackfield.middleware import Proceed, Slot
from jackfield.operations import Notice
from jackfield.registry import Registry
from jackfield.runtime import Lock, Runtime
from jackfield.types import Event

from ._codec import Codec, Template, codec_for, made
from ._entry import BadEntryError, Facts, unpack
from ._flight import ALONE, Flights, Lead, leads
from ._forks import renew_in_children
from ._key import Form, NotCanonicalError, key_of
from ._making import make_store
from ._recording import Recording
from ._settings import CacheSettings, Mode, Wishes, read_wishes
from ._shelf import Shelf
from ._store import Store

__all__ = ["Cache", "NotCachedError"]

REMEMBERED: Final = 4 * 1024 * 1024  # bytes of entries whose decoded form is kept at hand
EVERY: Final = 1.0  # seconds between two additions to the store's sums
NEVER: Final = float("-inf")


class NotCachedError(JackfieldError):
    """A request that may only be answered from the cache cannot be."""


@define
class _Plan:
    """What is to be done about one call."""

    key: str
    form: Form
    identity: str
    mode: Mode
    ttl: float
    namespace: tuple[str, str]
    codec: Codec

    def stands(self, call: Call[Any]) -> bool:
        """Whether the request is still what its key says: who asked may have changed a dictionary in it since."""
        if self.form.fixed and not call.request.options:
            return True
        try:
            return key_of(call, self.identity, self.namespace)[0] == self.key
        except Exception:  # noqa: BLE001 - whatever another thread does to it meanwhile, the call has gone well
            return False


@frozen
class _Found:
    """An entry that can be given: as it was, and decoded."""

    value: bytes
    facts: Facts
    notices: Sequence[Notice]
    template: Template


@define(eq=False)
class _Sums:
    """What was counted since it was last added to the store's sums."""

    hits: int = 0
    misses: int = 0
    seconds: float = 0.0
    cost: float = 0.0

    def taken(self) -> dict[str, float]:
        """What there is, which begins at 0 again."""
        found = {name: amount for name in ("hits", "misses", "seconds", "cost") if (amount := getattr(self, name))}
        for name in found:
            setattr(self, name, 0)
        return found


class Cache:
    """A middleware that answers from a store what was asked before.

    `call.ledger.cache` says what it did: "hit", "miss", "joined" (it took the reply of another call that asked the
    same at that moment), "refresh", or "bypass".

    Attributes:
        settings: its settings.

    Raises:
        ConfigurationError: the store of the settings cannot be made.
        PluginError: the plugin of the store cannot be loaded.
    """

    slot: Slot = Slot.CACHE

    def __init__(self, settings: CacheSettings | None = None, registry: Registry | None = None) -> None:
        """Make a cache with these settings, or with the defaults: in memory, without an end.

        A store that they name is a plugin of the registry; without one, any that the environment allows.
        """
        self.settings: CacheSettings = settings or CacheSettings()
        self._shelf = Shelf(make_store(self.settings, registry))
        self._flights = Flights()
        self._known: dict[str, _Found] = {}
        self._known_bytes = 0
        self._codecs: dict[str, tuple[Any, Codec | None]] = {}
        self._sums = _Sums()
        self._added = NEVER
        self._lock = Lock()
        renew_in_children(self)

    @property
    def store(self) -> Store:
        """Where the entries are."""
        return self._shelf.store

    async def __call__(self, call: Call[Any], proceed: Proceed) -> AsyncGenerator[Event, None]:
        """Answer one call.

        Raises:
            BadRequestError: the request's own options for the cache are wrong.
            NotCachedError: with the mode "only", there is no entry.
        """
        plan = await self._plan(call)
        if plan is None:
            call.ledger.cache = "bypass"
            async for event in proceed(call):
                yield event
            return
        found = await self._answer(call, plan)
        if isinstance(found, _Found):
            if (now := call.runtime.now()) - self._added >= EVERY:
                await self._add(call.runtime, now)
            for item in found.template:
                yield item if isinstance(item, Event) else made(item)
            return
        record = Recording(call, plan.codec)
        if found is None:
            async for event in proceed(call):
                record.add(event)
                yield event
            await self._keep(call, plan, record, self._packed(call, plan, record))
            return
        failed = await self._lead(call, proceed(call), plan, record, found)
        for event in record.events:
            yield event
        if failed is not None:
            try:
                raise failed
            finally:
                del failed

    async def aclose(self, runtime: Runtime) -> None:
        """Write down what was counted, and close the store, which opens again when it is asked for something."""
        await self._add(runtime, NEVER)
        await self._shelf.close(runtime)

    def after_fork(self) -> None:
        """Begin in the child of a fork: locks, flights and what was counted are its parent's."""
        self._lock, self._sums, self._flights = Lock(), _Sums(), Flights()
        self._known, self._known_bytes = {}, 0
        self._shelf.after_fork()

    async def _plan(self, call: Call[Any]) -> _Plan | None:
        """What to do about a call, or None where it is not cached."""
        request, settings = call.request, self.settings
        try:
            wishes = read_wishes(request.options)
        except BadRequestError as error:
            raise _placed(error, call) from None
        if wishes.mode == "bypass":
            return None
        codec, ttl = self._codec(call), settings.ttl_of(call)
        if codec is None or ttl is None or settings.leaves_out(request):
            _left_alone(call, wishes, "calls like this one are not cached")
            return None
        namespace = _namespace(call, settings)
        if namespace is None:
            _left_alone(call, wishes, "it has no namespace")
            return None
        namespaces = (namespace, wishes.namespace)
        try:
            identity = await call.identity()
            key, form = key_of(call, identity, namespaces)
        except Exception as error:  # noqa: BLE001 - whoever is asked meets it too, and says better what is wrong
            # the text of a foreign error, such as that of a credential's function, may hold anything
            ours = isinstance(error, NotCanonicalError | JackfieldError)
            why = f"no key can be made for it: {error if ours else type(error).__name__}"
        else:
            return _Plan(key, form, identity, wishes.mode, wishes.ttl or ttl, namespaces, codec)
        _left_alone(call, wishes, why)
        return None

    def _codec(self, call: Call[Any]) -> Codec | None:
        operation = call.operation
        known = self._codecs.get(operation.name)
        if known is None or known[0] is not operation:
            known = self._codecs[operation.name] = (operation, codec_for(operation.events))
        return known[1]

    async def _answer(self, call: Call[Any], plan: _Plan) -> _Found | Lead | None:
        """The reply; or the lead of a flight; or None, where the call is to ask by itself."""
        latest = self._flights.latest
        if plan.mode != "refresh":
            found = await self._look(call, plan)
            if found is not None:
                return self._given(call, found, "hit")
        if plan.mode == "only":
            call.ledger.cache = "miss"
            raise _placed(NotCachedError("the cache has no reply to this request, and may not ask for one"), call)
        call.ledger.cache = "miss" if plan.mode == "default" else plan.mode
        if call.streaming or plan.mode == "refresh":  # a consumer can pause a stream, and whoever waits for it
            return None
        return await self._join(call, plan, latest)

    async def _join(self, call: Call[Any], plan: _Plan, latest: object) -> _Found | Lead | None:
        while True:
            flight = self._flights.elect(call, plan.key)
            if isinstance(flight, Lead):
                if self._flights.latest is latest:
                    return flight
                try:
                    # since this call looked, another has landed, which may have asked the same
                    found = await self._look(call, plan)
                except BaseException:  # cancelled; whoever keeps the traceback keeps the lead
                    flight.land()
                    raise
                if found is None:
                    return flight
                flight.flight.outcome = found.value
                flight.land()
                return self._given(call, found, "hit")
            if leads():
                return None
            try:
                await self._flights.landed(call, flight)
            except JackfieldError as error:
                raise _placed(error, call) from None
            outcome = flight.outcome
            if isinstance(outcome, Exception):
                if (copy := flight.error_for(call)) is not None:
                    raise copy
            elif outcome is ALONE:
                return None
            elif outcome is not None:
                found = self._read(call, plan, outcome)
                return found and self._given(call, found, "joined")

    async def _look(self, call: Call[Any], plan: _Plan) -> _Found | None:
        value = await self._shelf.get(call.runtime, plan.key)
        found = None if value is None else self._read(call, plan, value)
        return found if found is not None and found.facts.fresh(call.runtime.wall(), plan.ttl) else None

    def _read(self, call: Call[Any], plan: _Plan, value: bytes) -> _Found | None:
        """The entry of these bytes; None where they are none, or belong to something else."""
        known = self._known.get(plan.key)
        if known is not None and known.value == value:
            return known
        try:
            entry = unpack(value)
            facts = entry.facts
            if (facts.key, facts.operation) != (plan.key, call.operation.name):
                raise BadEntryError("an entry of another key")
            found = _Found(value, facts, facts.noted(), plan.codec.template(entry.script))
        except Exception:  # noqa: BLE001 - whatever is wrong with an entry, it is a miss
            return None
        self._remember(plan.key, found)
        return found

    def _remember(self, key: str, found: _Found) -> None:
        if len(found.value) > REMEMBERED // 16:
            return
        with self._lock:
            before = self._known.pop(key, None)
            self._known[key] = found
            self._known_bytes += len(found.value) - (len(before.value) if before else 0)
            while self._known_bytes > REMEMBERED:
                self._known_bytes -= len(self._known.pop(next(iter(self._known))).value)

    def _given(self, call: Call[Any], found: _Found, how: str) -> _Found:
        call.ledger.cache = how
        for notice in found.notices:
            if notice.kind == "unsupported" and call.unsupported != "error":
                call.report(notice.field, notice.message)
            else:
                call.ledger.note(notice)
        sums = self._sums
        with self._lock:
            sums.hits += 1
            sums.seconds += found.facts.took
            sums.cost += found.facts.cost or 0.0
        return found

    async def _lead(
        self, call: Call[Any], events: AsyncIterator[Event], plan: _Plan, record: Recording, lead: Lead
    ) -> Exception | None:
        """Ask for all who wait, and give the error that came behind the events."""
        flight = lead.flight
        with lead:
            try:
                async for event in events:
                    record.add(event)
                flight.outcome = self._packed(call, plan, record)
                await self._keep(call, plan, record, flight.outcome)
            except Exception as error:  # noqa: BLE001 - it is raised later, behind the events that came before it
                if plan.stands(call):
                    flight.fail(error, call.runtime.now())
                else:
                    flight.outcome = ALONE
                return error
        return None

    def _packed(self, call: Call[Any], plan: _Plan, record: Recording) -> Any:
        """The reply as an entry, or `ALONE` where it cannot be written down, or answers another request by now."""
        if not plan.stands(call):
            return ALONE
        return record.packed(call, plan.key, plan.form, plan.namespace, plan.ttl) or ALONE

    async def _keep(self, call: Call[Any], plan: _Plan, record: Recording, value: Any) -> None:
        if isinstance(value, bytes) and record.whole(call):
            await self._shelf.set(call.runtime, plan.key, value, None if plan.ttl == float("inf") else plan.ttl)
        with self._lock:
            self._sums.misses += 1
        if (now := call.runtime.now()) - self._added >= EVERY:
            await self._add(call.runtime, now)

    async def _add(self, runtime: Runtime, now: float) -> None:
        """Add what was counted to the store's sums."""
        with self._lock:
            due, self._added = self._sums.taken(), now
        if due:
            await self._shelf.add(runtime, due)


def _namespace(call: Call[Any], settings: CacheSettings) -> str | None:
    try:
        return settings.namespace_of(call)
    except JackfieldError:
        raise
    except Exception as error:
        raise _placed(
            PluginError(f"the cache's namespace function failed with {type(error).__name__}"), call
        ) from error


def _left_alone(call: Call[Any], wishes: Wishes, why: str) -> None:
    """See that a call which is not cached may be asked."""
    if wishes.mode == "only":
        raise _placed(NotCachedError(f"the request may only be answered from the cache, and {why}"), call)


def _placed(error: JackfieldError, call: Call[Any]) -> JackfieldError:
    error.place(call.target.provider, call.target.model, call.operation.name, None)
    return error
