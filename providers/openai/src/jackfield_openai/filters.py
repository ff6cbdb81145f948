"""What Azure's content filters found in a request and in its reply, in one place whatever the form of the reply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from jackfield.operations import Response

__all__ = ["FilterResults", "filter_results"]


@frozen
class FilterResults:
    """Results of content filters, by category (`hate`, `violence`, `jailbreak`, ...), each as Azure states it.

    Attributes:
        prompt: what was found in the request.
        choices: what was found in each choice of the reply, by its index; of a stream, in all that came of it. A reply
            over the Responses API has one, with the index 0.
    """

    prompt: Mapping[str, Any] = field(factory=dict)
    choices: Mapping[int, Mapping[str, Any]] = field(factory=dict)

    @property
    def filtered(self) -> frozenset[str]:
        """The categories for which something was filtered."""
        found = (self.prompt, *self.choices.values())
        return frozenset(category for results in found for category, result in results.items() if _hit(result))


def filter_results(response: Response) -> FilterResults:
    """The results of Azure's content filters that a response, whole or streamed, came with.

    Where a stream states a category several times, what was filtered counts, and otherwise what came last.
    """
    prompt: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    payloads = response.raw if isinstance(response.raw, tuple) else (response.raw,)
    for payload in payloads:
        for one in _objects(payload, "prompt_filter_results"):
            _merge(prompt, one.get("content_filter_results"))
        for position, choice in enumerate(_objects(payload, "choices")):
            index = choice.get("index", position)
            if isinstance(index, int) and (results := choice.get("content_filter_results")):
                _merge(choices.setdefault(index, {}), results)
        for one in _of_response(payload):
            found = prompt if one.get("source_type") == "prompt" else choices.setdefault(0, {})
            _merge(found, one.get("content_filter_results"))
    return FilterResults(prompt, choices)


def _of_response(payload: Any) -> Iterator[Mapping[str, Any]]:
    """What the Responses API states: in the response itself, and in a stream in the events that bear one."""
    yield from _objects(payload, "content_filters")
    if isinstance(payload, Mapping):
        yield from _objects(payload.get("response"), "content_filters")


def _objects(payload: Any, name: str) -> Iterator[Mapping[str, Any]]:
    found = payload.get(name) if isinstance(payload, Mapping) else None
    yield from (one for one in (found if isinstance(found, list) else ()) if isinstance(one, Mapping))


def _merge(known: dict[str, Any], results: Any) -> None:
    for category, result in results.items() if isinstance(results, Mapping) else ():
        if not _hit(known.get(category)):
            known[category] = result


def _hit(result: Any) -> bool:
    return isinstance(result, Mapping) and result.get("filtered") is True
