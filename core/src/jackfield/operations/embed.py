"""Embeddings: texts in, a vector for each out."""

from __future__ import annotations

from array import array

from attrs import field, frozen

from ..types import Embedded, EmbedEvent
from .base import Operation, Request, Response, ResponseFold, a, whole
from .complete import Prompt, PromptLike, read_prompts

__all__ = ["EMBED", "EmbedRequest", "EmbedResponse"]


@frozen(kw_only=True, repr=False)
class EmbedResponse(Response):
    """A whole reply.

    Attributes:
        vectors: one array of floats for each input, in the order of the inputs: of type "f" where the provider sent
            them packed, "d" where it sent decimal numbers.
    """

    vectors: tuple[array[float], ...] = field(default=(), repr=lambda vectors: f"<{len(vectors)} vectors>")

    @property
    def vector(self) -> array[float]:
        """The vector of the first input."""
        return self.vectors[0]


class _EmbedFold(ResponseFold):
    def __init__(self, request: EmbedRequest | None = None) -> None:
        super().__init__(request)
        self._vectors: dict[int, array[float]] = {}

    def add(self, event: EmbedEvent) -> None:
        if not self.took(event) and isinstance(event, Embedded):
            self._vectors[event.index] = event.vector

    def response(self) -> EmbedResponse:
        return EmbedResponse(vectors=tuple(self._vectors[index] for index in sorted(self._vectors)), **self.facts())

    def missing(self) -> str | None:
        if not self._vectors:
            return "no vector has arrived"
        expected = len(self.request.input if self.request else self._vectors)
        absent = [str(index) for index in range(expected) if index not in self._vectors]
        return f"no vector has arrived for input {', '.join(absent[:5])}" if absent else None


EMBED: Operation[EmbedEvent, EmbedResponse] = Operation("embed", _EmbedFold, EmbedEvent)


def _inputs(value: PromptLike) -> tuple[Prompt, ...]:
    return read_prompts(value, "input")


@frozen(kw_only=True)
class EmbedRequest(Request[EmbedEvent, EmbedResponse]):
    """A request for embeddings. See `Request` for further fields.

    Attributes:
        input: one text or several; token numbers, where the provider takes them.
        dimensions: how long the vectors should be, where the model can shorten them.
        user: the provider's sign for whoever the request is made for.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """

    operation = EMBED

    input: tuple[Prompt, ...] = field(converter=_inputs)
    dimensions: int | None = field(default=None, validator=whole(1))
    user: str | None = field(default=None, validator=a(str, "text"))
