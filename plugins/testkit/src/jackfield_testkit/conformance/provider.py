"""The suite for providers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

import attrs
import pytest

from jackfield.errors import JackfieldError, LimitExceededError, ServerError
from jackfield.http import HttpResponse
from jackfield.operations import Request
from jackfield.provider import HttpProvider, Provider
from jackfield.registry import Registry
from jackfield.types import Finish

from ..simulation import Simulation
from . import _elsewhere, _fields, _journeys, _shapes, _spellings
from ._cases import SECRET, SPELLED, Conformance, each, expect, told
from ._errors import STATUSES, check_status
from ._exchanges import Outcome, begun, call_of, check_says, comparable, sent
from ._faces import FACES
from ._journeys import NAME
from ._probes import MARK, MESSAGES
from ._samples import Refusal, Sample
from ._table import support_table

__all__ = ["ProviderConformance"]

ENDLESS = 1024 * 1024


@cache
def _is_over_http(suite: type[ProviderConformance]) -> bool:
    return isinstance(suite().provider(), HttpProvider)


class ProviderConformance(Conformance):
    """Whether a provider keeps what Jackfield promises. Subclass it, name the plugin, give it samples, run pytest.

    Attributes:
        samples: replies of the service, and what they say: at least one for each operation that the provider serves.
        refusals: its errors, and what they must become.
        probes: values for fields that the suite has none for, as of an operation of your own: `{"query": "x"}`.
    """

    samples: ClassVar[Sequence[Sample]] = ()
    refusals: ClassVar[Sequence[Refusal]] = ()
    probes: ClassVar[Mapping[str, Any]] = {}

    # --- what the cases are made of

    def provider(self) -> Any:
        """The provider, made anew."""
        return Registry(self.plugins).make("provider", self.plugin, NAME, self.settings, "settings")

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of a client that has this provider alone."""
        config = {"default": NAME, "providers": {NAME: {"plugin": self.plugin, **self.settings}}}
        return {"config": config, "plugins": self.plugins}

    def support_table(self) -> str:
        """What the provider supports, as a table in Markdown; `pytest --jackfield-support` prints it."""
        return support_table(self.provider(), self.samples, self.probes)

    def _over_http(self) -> bool:
        # every case asks, also where cases are made
        return _is_over_http(type(self))  # type: ignore[arg-type]

    def _operations(self) -> Iterator[tuple[str, str]]:
        return ((name, name) for name in sorted(self.provider().operations))

    def _requests(self) -> Iterator[tuple[str, Sample]]:
        return ((sample.name, sample) for sample in self.samples)

    def _wires(self) -> Iterator[tuple[str, Sample]]:
        return ((sample.name, sample) for sample in self.samples if self._over_http())

    def _named(self) -> Iterator[tuple[str, Sample]]:
        defaults = self.provider().default_models
        firsts = self._firsts().items() if self._over_http() else ()
        return ((name, one) for name, one in firsts if name in defaults or one.request.model)

    def _replies(self) -> Iterator[tuple[str, tuple[Sample, bool]]]:
        for sample in self.samples:
            for streaming in sample.forms:
                yield f"{sample.name}-{'stream' if streaming else 'reply'}", (sample, streaming)

    def _streams(self) -> Iterator[tuple[str, Sample]]:
        return ((sample.name, sample) for sample in self.samples if True in sample.forms)

    def _pairs(self) -> Iterator[tuple[str, Sample]]:
        return ((sample.name, sample) for sample in self.samples if len(sample.forms) > 1)

    def _firsts(self) -> dict[str, Sample]:
        return {sample.request.operation.name: sample for sample in reversed(self.samples)}

    def _fields(self) -> Iterator[tuple[str, tuple[Sample, str, Any]]]:
        for operation, sample in self._firsts().items():
            names = {one.name for one in attrs.fields(type(sample.request))}
            for case, name, probe in _fields.probes_of(operation, self.probes):
                if name in names:
                    yield f"{operation}-{case}", (sample, name, probe)

    def _messages(self) -> Iterator[tuple[str, tuple[Sample, str]]]:
        sample = self._firsts().get("chat")
        if sample is not None and self._over_http():
            yield from ((name, (sample, name)) for name in MESSAGES)

    def _journeys(self) -> Iterator[tuple[str, tuple[Sample, bool]]]:
        for operation, sample in self._firsts().items():
            for streaming in sample.forms or (False, True):
                yield f"{operation}-{'stream' if streaming else 'reply'}", (sample, streaming)

    def _faces(self) -> Iterator[tuple[str, tuple[Sample, str, bool]]]:
        for sample in self.samples:
            for streaming in sample.forms or (False, True):
                for face in FACES:
                    yield f"{sample.name}-{'stream' if streaming else 'reply'}-{face}", (sample, face, streaming)

    def _refusals(self) -> Iterator[tuple[str, Refusal]]:
        return ((refusal.name, refusal) for refusal in self.refusals)

    def _statuses(self) -> Iterator[tuple[str, int]]:
        return ((str(status), status) for status in STATUSES if self._over_http())

    # --- what there is

    @each("_operations")
    def test_operation_has_a_sample(self, case: str) -> None:
        """Each operation that the provider serves has a sample, and over HTTP its reply."""
        samples = [sample for sample in self.samples if sample.request.operation.name == case]
        expect(samples, f"the provider serves {case!r}: give a `Sample` of it, or waive this case")
        expect(all(sample.says for sample in samples), f"a sample of {case!r} says nothing: fill in `says`")
        if self._over_http():
            expect(
                any(sample.forms for sample in samples), f"the samples of {case!r} have neither `reply` nor `stream`"
            )

    def test_has_refusals(self) -> None:
        """A provider over HTTP has samples of its service's errors."""
        expect(self.refusals or not self._over_http(), "give a `Refusal` for each error that the service documents")
        expect(
            not list(self._streams()) or any(refusal.stream is not None for refusal in self.refusals),
            "the provider streams: give a `Refusal` with the `stream` in which the service breaks off with an error",
        )

    # --- requests

    @each("_fields")
    def test_field_is_sent_or_reported(self, case: tuple[Sample, str, Any]) -> None:
        """Each field of a request is sent, also where it is 0 or False, or it is reported."""
        sample, name, probe = case
        provider = self.provider()
        if isinstance(provider, HttpProvider):
            _fields.check_probe(provider, sample, name, probe)
            return
        simulation = Simulation()
        simulation.run(_fields.check_in_process(provider, sample, name, probe, simulation.runtime))

    @each("_messages")
    def test_message_is_sent_or_reported(self, case: tuple[Sample, str]) -> None:
        """Whatever a conversation may hold is sent, or it is reported."""
        _fields.check_message(self.provider(), *case)

    @each("_requests")
    def test_own_option_is_sent_or_refused(self, case: Sample) -> None:
        """An option of the plugin's own that nobody knows is sent, reported or refused."""
        own = {"probe_option": MARK}
        if not self._over_http():
            simulation = Simulation()
            simulation.run(_fields.check_own_option(self.provider(), case, self.plugin, own, simulation.runtime))
            return
        with_it = attrs.evolve(case.request, options={self.plugin: own})
        found, before = sent(self.provider(), with_it, case), sent(self.provider(), case.request, case)
        rule = f"options[{self.plugin!r}] = {own!r} is dropped in silence: send it, report it or refuse it"
        expect(found.error is not None or found.notices != before.notices or found.wire != before.wire, rule)

    @each("_named")
    def test_model_is_sent_or_refused(self, case: Sample) -> None:
        """The model that is asked for is sent, or refused."""
        names = ("probe-model-1", "probe-model-2")
        one, other = (sent(self.provider(), attrs.evolve(case.request, model=name), case) for name in names)
        rule = "the model is dropped in silence: what is sent is the same for every `call.target.model`"
        expect(one.error is not None or one.wire != other.wire, rule)

    @each("_wires")
    def test_request_is_the_same_each_time(self, case: Sample) -> None:
        """The same request gives the same bytes, each time and from each instance."""
        for streaming in case.forms or [False]:
            one = self.provider()
            requests = [
                sent(provider, case.request, case, streaming=streaming) for provider in (one, one, self.provider())
            ]
            expect(requests[0].error is None, f"the sample's own request is refused: {requests[0].error!r}")
            wires = [found.wire for found in requests]
            expect(
                wires[0] == wires[1] == wires[2], f"the same request was sent as {told(wires[0])} and {told(wires[1:])}"
            )

    def test_request_is_the_same_in_another_process(self) -> None:
        """Another process, in which sets have another order, sends the same bytes."""
        if self._over_http():
            _elsewhere.check_elsewhere(self)

    @each("_wires")
    def test_request_stays_at_home(self, case: Sample) -> None:
        """A request has a path alone, and neither origin nor credential: the engine adds these."""
        found = [sent(self.provider(), case.request, case, streaming=streaming) for streaming in case.forms or [False]]
        for request in (request for one in found for request in one.requests):
            expect(request.path.startswith("/"), f"the path {request.path!r} does not begin with '/'")
            expect(not request.origin, f"the request names the origin {request.origin!r}: leave that to the endpoint")
            shown = repr(attrs.astuple(request))
            held = any(spelled in shown for spelled in SPELLED)
            expect(not held, "the request holds the credential: the engine attaches it")

    @each("_fields")
    def test_what_the_caller_holds_stays_as_it_is(self, case: tuple[Sample, str, Any]) -> None:
        """The provider changes nothing in what it is given."""
        sample, name, probe = case
        request: Request[Any, Any] = attrs.evolve(
            sample.request, **{**copy.deepcopy(probe.beside), name: copy.deepcopy(probe.value)}
        )
        before = copy.deepcopy(request)
        provider = self.provider()
        if isinstance(provider, HttpProvider):
            for streaming in sample.forms or [False]:
                sent(provider, request, sample, streaming=streaming, unsupported="drop")
        expect(
            request == before,
            f"the provider changed {name} of the caller: it was {told(before)}, and is {told(request)}",
        )

    # --- replies

    @each("_replies")
    def test_reply_says_what_it_says(self, case: tuple[Sample, bool]) -> None:
        """The response says what the author says that the reply says."""
        sample, streaming = case
        outcome = self._read(sample, streaming=streaming)
        expect(outcome.error is None, f"the reply was read as an error: {outcome.error!r}")
        check_says(outcome.response, sample.says, "the response")
        broken = outcome.grammar()
        expect(broken is None, f"the grammar of replies: {broken}")

    @each("_pairs")
    def test_reply_and_stream_say_the_same(self, case: Sample) -> None:
        """The same reply, whole and streamed, is the same response."""
        whole, streamed = (comparable(self._read(case, streaming=streaming).response) for streaming in (False, True))
        expect(whole == streamed, f"whole it is {told(whole)}, and streamed it is {told(streamed)}")

    @each("_replies")
    def test_cuts_change_nothing(self, case: tuple[Sample, bool]) -> None:
        """However the network cuts the bytes, the events are the same."""
        sample, streaming = case
        body = sample.body(streaming=streaming) or b""
        whole = self._read(sample, streaming=streaming).facts
        provider = self.provider()
        for pieces in _shapes.cuts(body):
            found = Outcome(provider, sample, pieces, streaming=streaming).facts
            if found != whole:
                where = f"cut after {len(pieces[0])} of {len(body)} bytes" if len(pieces) == 2 else "byte by byte"
                rule = f"{where}, the events are {told(found)}; in one piece they are {told(whole)}"
                raise AssertionError(rule)

    @each("_replies")
    def test_spelling_changes_nothing(self, case: tuple[Sample, bool]) -> None:
        """However a server spells the same reply, the events are the same."""
        _spellings.check_spellings(self.provider(), case[0], streaming=case[1])

    @each("_replies")
    def test_text_of_any_language_survives(self, case: tuple[Sample, bool]) -> None:
        """Text in any alphabet comes through whole, with the white space at its ends."""
        _spellings.check_languages(self.provider(), case[0], streaming=case[1])

    @each("_replies")
    def test_calls_side_by_side_share_nothing(self, case: tuple[Sample, bool]) -> None:
        """Two calls of one provider, whose replies come in turns, each get their own."""
        _spellings.check_side_by_side(self.provider(), case[0], streaming=case[1])

    @each("_replies")
    def test_truncation_is_an_error(self, case: tuple[Sample, bool]) -> None:
        """A reply that ends too early is an error, unless nothing of what it says is missing."""
        sample, streaming = case
        body = sample.body(streaming=streaming) or b""
        provider, whole = self.provider(), comparable(self._read(sample, streaming=streaming).response)
        for end in (0, *_shapes.places(len(body))):
            outcome = Outcome(provider, sample, [body[:end]], streaming=streaming)
            if outcome.error is None:
                cut = attrs.evolve(comparable(outcome.response), usage=outcome.response.usage or whole.usage)
                if cut != whole:
                    rule = f"after {end} of {len(body)} bytes the reply counts as complete, as {told(cut)}"
                    raise AssertionError(f"{rule}; whole it is {told(whole)}")

    @each("_replies")
    def test_twisted_reply_is_a_typed_error(self, case: tuple[Sample, bool]) -> None:
        """Whatever else stands in a reply, the provider raises its own errors, and invents nothing."""
        _shapes.check_twisted(self.provider(), case[0], streaming=case[1])

    @each("_replies")
    def test_unknown_fields_survive(self, case: tuple[Sample, bool]) -> None:
        """A field that nobody has heard of harms nothing, and is in `raw`."""
        sample, streaming = case
        payloads = _shapes.Payloads(sample.body(streaming=streaming) or b"", streaming=streaming)
        whole, provider = self._read(sample, streaming=streaming), self.provider()
        seen = {number for number, value in payloads.values.items() if any(one.raw == value for one in whole.events)}
        for number in payloads.values:
            if not isinstance(payloads.values[number], dict):
                continue
            more = payloads.changed(number, _shapes.with_more(()))
            outcome = Outcome(provider, sample, [more], streaming=streaming)
            expect(outcome.error is None, f"with a field that is unknown, the reply is an error: {outcome.error!r}")
            kept = any(
                _shapes.holds(event.raw, _shapes.KEPT) or _shapes.holds(event, _shapes.KEPT) for event in outcome.events
            )
            expect(
                kept or (streaming and number not in seen),
                "the unknown field is lost: put each payload into an event's `raw`",
            )

    @each("_replies")
    def test_unknown_finish_is_other(self, case: tuple[Sample, bool]) -> None:
        """A finish reason that nobody has heard of is "other", and is kept."""
        sample, streaming = case
        finish = getattr(self._read(sample, streaming=streaming).response, "finish", None)
        if finish is None or finish.raw is None:
            pytest.skip("this reply gives no reason")
        payloads = _shapes.Payloads(sample.body(streaming=streaming) or b"", streaming=streaming)
        twist = payloads.map_leaves(finish.raw, "unheard-of")
        outcome = Outcome(self.provider(), sample, [twist], streaming=streaming)
        expect(outcome.error is None, f"with a finish reason that is unknown, the reply is an error: {outcome.error!r}")
        wanted, found = Finish("other", "unheard-of"), outcome.response.finish
        expect(found == wanted, f"the finish reason 'unheard-of' must be {told(wanted)}; it is {told(found)}")

    @each("_replies")
    def test_endless_reply_is_bounded(self, case: tuple[Sample, bool]) -> None:
        """A reply without an end, or too deep, is an error before it takes all memory."""
        sample, streaming = case
        provider = self.provider()
        piece, most = (b"a" * ENDLESS, 64) if streaming else (b" " * ENDLESS, 300)
        outcome = Outcome(provider, sample, [b"data: " if streaming else b"{", *[piece] * most], streaming=streaming)
        rule = f"a reply of {most} MiB without an end must be a LimitExceededError; it was {outcome.error!r}"
        expect(isinstance(outcome.error, LimitExceededError), rule)
        for deep in (b"[" * 100_000, b'{"a":' * 100_000):
            body = b"data: " + deep + b"\n\n" if streaming else deep
            outcome = Outcome(provider, sample, [body], streaming=streaming)
            expect(outcome.error is not None, "a reply that is 100,000 levels deep must be an error")

    # --- errors

    @each("_refusals")
    def test_refusal_is_its_error(self, case: Refusal) -> None:
        """Each error of the service is the error that the author says."""
        found: JackfieldError | None
        if case.stream is not None:
            sample = next(sample for sample in self.samples if True in sample.forms)
            found = Outcome(self.provider(), sample, [case.stream], streaming=True).error
        else:
            found = self.provider().error(HttpResponse(case.status, case.headers, case.reply or b""))
            expect(
                found is not None and found.status == case.status, f"the error has not the reply's status: {found!r}"
            )
        expect(type(found) is case.error, f"it must be {case.error.__name__}; it is {found!r}")
        check_says(found, case.says, "the error")

    @each("_statuses")
    def test_status_is_a_typed_error(self, case: int) -> None:
        """Each HTTP status is a typed error, whatever its body."""
        check_status(self.provider(), case, next((one.reply for one in self.refusals if one.reply), b""))

    @each("_wires")
    def test_refusal_passes_through_the_exchange(self, case: Sample) -> None:
        """An error that is thrown into an exchange comes out of it as a JackfieldError."""
        exchange, _ = begun(self.provider(), call_of(self.provider(), case.request, streaming=False), case.first)
        try:
            exchange.throw(ServerError("it failed", status=500))
        except JackfieldError:
            return
        except StopIteration:
            raise AssertionError("the exchange swallowed an error, and went on to decode a reply") from None
        raise AssertionError("the exchange swallowed an error, and asked for more: a provider never retries")

    # --- secrets

    def test_secret_stays_where_it_is(self) -> None:
        """The credential is in no repr."""
        provider: Provider = self.provider()
        for what in (provider, vars(provider), getattr(provider, "endpoint", None), provider.made_of):
            expect(SECRET not in repr(what), f"the credential shows in the repr of a {type(what).__name__}")

    @each("_statuses")
    def test_secret_is_in_no_error(self, case: int) -> None:
        """A service that quotes the credential in its error does not make us tell it."""
        if SECRET not in str(self.settings):
            pytest.skip("there is no SECRET in the settings: where the service wants a key, put it there")
        sample = next(iter(self.samples))
        body = b'{"error": {"message": "wrong key ' + SECRET.encode() + b'", "code": "' + SECRET.encode() + b'"}}'
        reply = HttpResponse(case, {"content-type": "application/json", "x-request-id": SECRET}, body)
        simulation = Simulation(reply)
        client = simulation.client(**self.options)
        try:
            simulation.run(client.call(sample.request))
        except JackfieldError as error:
            shown = f"{error} {error!r} {error.body!r} {vars(error)!r}"
            expect(SECRET not in shown, f"status {case}: the error tells the credential: {told(shown)}")
        for asked in simulation.requests:
            expect(SECRET not in repr(asked.request), "the request tells the credential")

    # --- whole calls

    @each("_faces")
    def test_every_client_gets_the_same(self, case: tuple[Sample, str, bool]) -> None:
        """The blocking client and the async one, on every loop, give what the sample says."""
        sample, face, streaming = case
        check_says(
            _journeys.reply_through(face, sample, self.options, streaming=streaming), sample.says, "the response"
        )

    @each("_journeys")
    def test_cancelled_call_leaves_nothing_open(self, case: tuple[Sample, bool]) -> None:
        """A call that is cancelled while it waits ends, and gives back what it holds."""
        _journeys.check_cancelled(case[0], self.options, streaming=case[1])

    @each("_streams")
    def test_stream_that_is_left_leaves_nothing_open(self, case: Sample) -> None:
        """A stream that is left early gives back what it holds."""
        _journeys.check_left(case, self.options)

    @each("_journeys")
    def test_late_call_is_a_deadline_error(self, case: tuple[Sample, bool]) -> None:
        """A call ends when its deadline passes."""
        _journeys.check_late(case[0], self.options, streaming=case[1])

    def _read(self, sample: Sample, *, streaming: bool) -> Outcome:
        return Outcome(self.provider(), sample, [sample.body(streaming=streaming) or b""], streaming=streaming)
