"""The fake itself: a function of requests, with the state that an account has."""

from __future__ import annotations

import base64
import json
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from attrs import evolve, frozen

from jackfield.http import HttpRequest, HttpResponse, whole

from .scenes import FakeReply, Scene, Served, alive, error_reply, json_reply, stream_reply

__all__ = ["FakeModel", "FakeOpenRouter"]

MISSING: Final = Scene(status=404, message="Not found")
KEPT: Final = 1000
DATE: Final = "Thu, 01 Jan 2026 00:00:40 GMT"  # by which a limit is whole again in 20 seconds, whenever it is asked
VALUES: Final = 8


@frozen
class FakeModel:
    """A model that the fake has.

    Attributes:
        id: its name, "author/slug".
        provider: the provider that serves it.
        prompt: dollars a token of a request.
        completion: dollars a token of a reply.
        context_length: the most tokens of a request and its reply.
        modalities: what it takes.
        parameters: the parameters that it supports.
    """

    id: str
    provider: str = "OpenAI"
    prompt: float = 1e-6
    completion: float = 2e-6
    context_length: int = 128_000
    modalities: tuple[str, ...] = ("text",)
    parameters: tuple[str, ...] = (
        "max_tokens",
        "temperature",
        "tools",
        "tool_choice",
        "response_format",
        "structured_outputs",
        "reasoning",
    )

    @property
    def told(self) -> dict[str, Any]:
        """As the list of models tells of it."""
        shape = {"input_modalities": list(self.modalities), "output_modalities": ["text"], "tokenizer": "GPT"}
        return {
            "id": self.id,
            "canonical_slug": self.id,
            "name": self.id,
            "created": 1_767_225_600,
            "context_length": self.context_length,
            "architecture": {"modality": f"{'+'.join(self.modalities)}->text", **shape, "instruct_type": None},
            "pricing": {"prompt": str(self.prompt), "completion": str(self.completion)},
            "top_provider": {
                "context_length": self.context_length,
                "max_completion_tokens": None,
                "is_moderated": False,
            },
            "supported_parameters": list(self.parameters),
        }


MODELS: Final = (
    FakeModel("openai/gpt-4o-mini", modalities=("text", "image")),
    FakeModel("anthropic/claude-sonnet-4", "Anthropic", 3e-6, 15e-6, 200_000, ("text", "image", "file")),
    FakeModel("openai/o1", parameters=("max_tokens", "tools", "reasoning", "response_format")),
)


class FakeOpenRouter:
    """Answers requests as OpenRouter does. Called with a request it gives the whole reply; see `reply` and `serve`.

    Attributes:
        requests: the last thousand requests, as they came.
        generations: what was generated, by its id, as `/generation` tells of it.
        down: models that cannot be had: the next of the request's `models` serves in their stead.
        flagged: words that moderation refuses.
        credits: dollars that are left; without any, 402 is the answer.
        limit: how many chats are left of the limit; None for no limit.
    """

    def __init__(self, *scenes: Scene, models: Iterable[FakeModel] = MODELS) -> None:
        """Have these models, and play these scenes, one a chat, before what goes without one."""
        self.models = {model.id: model for model in models}
        self.requests: deque[HttpRequest] = deque(maxlen=KEPT)
        self.generations: dict[str, dict[str, Any]] = {}
        self.down: set[str] = set()
        self.flagged: tuple[str, ...] = ()
        self.credits = 10.0
        self.spent = 0.0
        self.limit: int | None = None
        self.reset = 1_767_225_660_000  # thousandths of a second since 1970
        self._scenes: deque[Scene] = deque(scenes)
        self._number = 0
        self._lock = threading.Lock()

    def then(self, *scenes: Scene) -> None:
        """Play these scenes for the next chats and completions."""
        self._scenes.extend(scenes)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The whole reply at once, without its pauses."""
        return self.reply(request).response

    def reply(self, request: HttpRequest) -> FakeReply:
        """The reply to a request, with its pauses."""
        with self._lock:
            self.requests.append(request)
            url = urlsplit(request.path)
            path = url.path.removeprefix("/api/v1")
            if request.method == "POST":
                known: Mapping[str, Callable[[dict[str, Any]], FakeReply]] = {
                    "/chat/completions": self._chat,
                    "/completions": self._completion,
                    "/embeddings": self._embeddings,
                }
                return known[path](json.loads(whole(request.body))) if path in known else error_reply(MISSING)
            return self._told(path, parse_qs(url.query))

    def cancelled(self, generation: str | None) -> None:
        """Note that the reader of a generation has gone away."""
        if generation in self.generations:
            self.generations[str(generation)]["cancelled"] = True

    def _told(self, path: str, query: Mapping[str, list[str]]) -> FakeReply:
        """What the account and the models are."""
        author_and_slug = path.removeprefix("/models/").removeprefix("/model/").removesuffix("/endpoints")
        if path == "/credits":
            return json_reply({"data": {"total_credits": self.credits + self.spent, "total_usage": self.spent}})
        if path in ("/key", "/auth/key"):
            used = dict.fromkeys(("usage", "usage_daily", "usage_weekly", "usage_monthly"), self.spent)
            limits = {"limit": None, "limit_remaining": None, "limit_reset": None, "is_free_tier": False}
            return json_reply({"data": {"label": "sk-or-v1-000...000", **limits, **used}})
        if path == "/models":
            return json_reply({"data": [model.told for model in self.models.values()]})
        if path == "/generation":
            name = query.get("id", [""])[0]
            found = self.generations.get(name)
            missing = Scene(status=404, message=f"Generation {name} not found")
            return error_reply(missing) if found is None else json_reply({"data": found})
        if path.startswith(("/models/", "/model/")) and author_and_slug in self.models:
            model = self.models[author_and_slug]
            endpoint = {"name": f"{model.provider} | {model.id}", "provider_name": model.provider, "status": 0}
            offer = {**model.told, "endpoints": [{**endpoint, **model.told}]}
            return json_reply({"data": offer if path.endswith("/endpoints") else model.told})
        return error_reply(MISSING)

    def _chat(self, body: dict[str, Any]) -> FakeReply:
        streamed = bool(body.get("stream"))
        served = self._served(body, str(body.get("messages") or ""))
        if isinstance(served, FakeReply):
            return served
        # where nothing had come, the error is the whole body
        failed = served.scene.code is not None and not served.scene.after
        whole = {"error": served.scene.error} if failed else served.document()
        return self._sent(served, whole, served.chunks(), streamed=streamed)

    @staticmethod
    def _sent(served: Served, whole: Any, chunks: Iterable[Any], *, streamed: bool) -> FakeReply:
        headers = {"x-generation-id": served.generation, **served.scene.headers}
        before = [*alive(served.scene, streamed=streamed)]
        if served.scene.stall:
            kind = "text/event-stream" if streamed else "application/json"
            return FakeReply(200, {"content-type": kind, **headers}, (*before,))
        return stream_reply(chunks, headers, before) if streamed else json_reply(whole, 200, headers, before)

    def _completion(self, body: dict[str, Any]) -> FakeReply:
        served = self._served(body, str(body.get("prompt") or ""))
        if isinstance(served, FakeReply):
            return served
        choice = {"index": 0, "text": served.scene.text, "finish_reason": served.finish, "logprobs": None}
        whole = {**served.head, "object": "text_completion", "choices": [choice], "usage": served.usage}
        if served.scene.code is not None:
            whole = {**served.head, "error": served.scene.error}
        return self._sent(served, whole, [whole], streamed=bool(body.get("stream")))

    def _embeddings(self, body: dict[str, Any]) -> FakeReply:
        given = body.get("input")
        if not given or not body.get("model"):
            return error_reply(Scene(status=400, message="Input must have at least 1 token, and a model"))
        inputs = given if isinstance(given, list) else [given]
        floats = [[(index + 1) / (place + 1) for place in range(VALUES)] for index in range(len(inputs))]
        packed = [base64.b64encode(struct.pack(f"<{VALUES}f", *row)).decode() for row in floats]
        rows = packed if body.get("encoding_format") == "base64" else floats
        data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
        usage = {"prompt_tokens": len(inputs), "total_tokens": len(inputs), "cost": 0.0}
        return json_reply({"id": "gen-emb", "object": "list", "model": body["model"], "data": data, "usage": usage})

    def _served(self, body: Mapping[str, Any], asked: str) -> Served | FakeReply:
        """Who serves a request and what it says; or why nobody does."""
        scene = self._scenes.popleft() if self._scenes else Scene()
        if refused := self._refused(body, asked, scene):
            return error_reply(refused)
        if not asked or not (body.get("model") or body.get("models")):
            return error_reply(Scene(status=400, message="Input must have at least 1 token, and a model"))
        wanted = [*dict.fromkeys(filter(None, (body.get("model"), *(body.get("models") or ()))))]
        model = next((self.models[name] for name in map(_bare, wanted) if name in self.models.keys() - self.down), None)
        if model is None:
            hints = {"code": "no_endpoints", "retryable": False, "requested_models": wanted}
            return error_reply(Scene(status=404, message=f"No endpoints found for {wanted[0]}.", availability=hints))
        if scene.text is None:
            scene = evolve(scene, text="" if scene.tool_calls else f"You asked {model.id}.")
        self._number += 1
        counts = {"prompt_tokens": len(asked.split()), "completion_tokens": len(str(scene.text).split())}
        prompt = counts["prompt_tokens"] * model.prompt
        completion = counts["completion_tokens"] * model.completion
        cost = prompt + completion
        usage: dict[str, Any] = {**counts, "total_tokens": sum(counts.values()), "cost": cost, "is_byok": False}
        details = {"upstream_inference_prompt_cost": prompt, "upstream_inference_completions_cost": completion}
        usage["cost_details"] = {"upstream_inference_cost": cost, **details}
        served = Served(scene, f"gen-fake-{self._number}", model.id, model.provider, usage)
        self._note(served, counts, cost, streamed=bool(body.get("stream")))
        return served

    def _note(self, served: Served, counts: Mapping[str, int], cost: float, *, streamed: bool) -> None:
        self.spent, self.credits = self.spent + cost, self.credits - cost
        tokens = {
            f"{kind}{name}": counts[f"{name}_tokens"]
            for kind in ("tokens_", "native_tokens_")
            for name in ("prompt", "completion")
        }
        how = {"streamed": streamed, "cancelled": False, "finish_reason": served.finish, "latency": 1}
        who = {"id": served.generation, "model": served.model, "provider_name": served.provider}
        self.generations[served.generation] = {**who, "total_cost": cost, "usage": cost, **tokens, **how}

    def _refused(self, body: Mapping[str, Any], asked: str, scene: Scene) -> Scene | None:
        """Why a request is refused before anybody is asked."""
        if scene.status != 200:
            return scene
        if self.credits <= 0:
            return Scene(status=402, message="Insufficient credits. Add more using https://openrouter.ai/credits")
        if self.limit is not None:
            if self.limit <= 0:
                told = {"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(self.reset)}
                metadata: dict[str, Any] = {"headers": told, "provider_name": None}
                return Scene(
                    status=429,
                    message="Rate limit exceeded: free-models-per-min. ",
                    metadata=metadata,
                    headers={**told, "date": DATE},
                )
            self.limit -= 1
        if found := [word for word in self.flagged if word in asked]:
            metadata = {"reasons": found, "flagged_input": asked[:100], "provider_name": "OpenAI"}
            metadata["model_slug"] = str(body.get("model"))
            return Scene(
                status=403,
                message="Your chosen model requires moderation and your input was flagged",
                metadata=metadata,
            )
        return None


def _bare(name: str) -> str:
    """The model that a name means, without a variant or a preset."""
    return name.partition(":")[0].partition("@")[0]
