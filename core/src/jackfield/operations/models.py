"""Which models a provider has."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ..errors import NotFoundError
from ..types import ModelInfo, ModelListed, ModelsEvent
from .base import Operation, Request, Response, ResponseFold

__all__ = ["MODEL", "MODELS", "ModelRequest", "ModelResponse", "ModelsRequest", "ModelsResponse"]


@frozen(kw_only=True, repr=False)
class ModelsResponse(Response):
    """The models of a provider, in its order. Iterating gives them; `reply["name"]` is the one with that id."""

    models: tuple[ModelInfo, ...] = ()

    def __iter__(self) -> Iterator[ModelInfo]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)

    def __contains__(self, wanted: object) -> bool:
        return any(wanted in (model, model.id) for model in self.models)

    def __getitem__(self, id: str) -> ModelInfo:  # noqa: A002 - the field's own name
        if found := next((model for model in self.models if model.id == id), None):
            return found
        raise NotFoundError(f"provider {self.provider!r} has no model {id!r}")


@frozen(kw_only=True, repr=False)
class ModelResponse(Response):
    """One model."""

    info: ModelInfo | None = None


class _Listing(ResponseFold):
    def __init__(self, request: object = None) -> None:
        super().__init__(request)
        self.begun = False
        self.models: list[ModelInfo] = []

    def add(self, event: ModelsEvent) -> None:
        if not self.took(event) and isinstance(event, ModelListed):
            self.models.append(event.model)
        self.begun = True


class _ModelsFold(_Listing):
    def response(self) -> ModelsResponse:
        return ModelsResponse(models=tuple(self.models), **self.facts())

    def missing(self) -> str | None:
        return None if self.begun else "no list has arrived"


class _ModelFold(_Listing):
    def response(self) -> ModelResponse:
        return ModelResponse(info=self.models[0] if self.models else None, **self.facts())

    def missing(self) -> str | None:
        return None if self.models else "no model has arrived"


MODELS: Operation[ModelsEvent, ModelsResponse] = Operation("models", _ModelsFold, ModelsEvent, of_model=False)
MODEL: Operation[ModelsEvent, ModelResponse] = Operation("model", _ModelFold, ModelsEvent)


@frozen(kw_only=True)
class ModelsRequest(Request[ModelsEvent, ModelsResponse]):
    """A request for the list of a provider's models; `model` names the provider, or something that it serves."""

    operation = MODELS


@frozen(kw_only=True)
class ModelRequest(Request[ModelsEvent, ModelResponse]):
    """A request for what a provider says of one model."""

    operation = MODEL
