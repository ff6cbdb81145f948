"""What OpenRouter does beside the model: its plugins, each under its own id, and when its own tools stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from attrs import field, frozen

from .checks import within

__all__ = ["PLUGINS", "STOPS", "AutoBetaRouter", "AutoRouter", "ContextCompression", "FileParser", "FinishReasonIs"]
__all__ += ["Fusion", "FusionTool", "HasToolCall", "MaxCost", "MaxTokensUsed", "Moderation", "ParetoRouter", "Pdf"]
__all__ += ["Place", "Plugin", "ResponseHealing", "StepCountIs", "Stop", "WebFetch", "WebSearch"]

Names: TypeAlias = tuple[str, ...] | None
CostTier: TypeAlias = Literal["low", "medium", "high", "xhigh", "max"]


@frozen(kw_only=True)
class Place:
    """Where the person is for whom the web is searched. `timezone` is one of the IANA's, `country` a code of two."""

    type: Literal["approximate"] = "approximate"
    city: str | None = None
    region: str | None = None
    country: str | None = None
    timezone: str | None = None


@frozen(kw_only=True)
class WebSearch:
    """Searches the web before the model answers, and puts what was found into the prompt.

    Attributes:
        enabled: whether it does so for this request.
        engine: who searches; the model's own provider where that can, where it is not said.
        max_results: how many results to put in.
        max_uses: how often it may search.
        mode: how thoroughly to search, as the engine has it.
        search_prompt: what stands before the results.
        include_domains: where alone to search.
        exclude_domains: where not to.
        user_location: where the person is.
    """

    id: Literal["web"] = "web"
    enabled: bool | None = None
    engine: Literal["native", "exa", "firecrawl", "parallel", "perplexity"] | None = None
    max_results: int | None = field(default=None, validator=within(1))
    max_uses: int | None = field(default=None, validator=within(1))
    mode: (
        Literal["instant", "fast", "auto", "deep-lite", "deep", "deep-reasoning", "turbo", "basic", "advanced"] | None
    ) = None
    search_prompt: str | None = None
    include_domains: Names = None
    exclude_domains: Names = None
    user_location: Place | None = None


@frozen(kw_only=True)
class WebFetch:
    """Lets the model read pages of the web.

    Attributes:
        max_uses: how many pages it may read.
        max_content_tokens: how much of each.
        allowed_domains: where alone to read.
        blocked_domains: where not to.
    """

    id: Literal["web-fetch"] = "web-fetch"
    max_uses: int | None = field(default=None, validator=within(1))
    max_content_tokens: int | None = field(default=None, validator=within(1))
    allowed_domains: Names = None
    blocked_domains: Names = None


@frozen(kw_only=True)
class Pdf:
    """How PDF files are read. "pdf-text" is an older name of "cloudflare-ai"."""

    engine: Literal["mistral-ocr", "cloudflare-ai", "native", "pdf-text"] | None = None


@frozen(kw_only=True)
class FileParser:
    """Reads files for models that cannot."""

    id: Literal["file-parser"] = "file-parser"
    enabled: bool | None = None
    pdf: Pdf | None = None


@frozen(kw_only=True)
class ResponseHealing:
    """Mends JSON that a model wrote almost right."""

    id: Literal["response-healing"] = "response-healing"
    enabled: bool | None = None


@frozen(kw_only=True)
class ContextCompression:
    """Shortens a conversation that the model has no room for, from the middle outwards."""

    id: Literal["context-compression"] = "context-compression"
    enabled: bool | None = None
    engine: Literal["middle-out"] | None = None


@frozen(kw_only=True)
class Moderation:
    """Looks at the request before the model does."""

    id: Literal["moderation"] = "moderation"


@frozen(kw_only=True)
class _Choosing:
    """How `openrouter/auto` chooses a model.

    Attributes:
        enabled: whether it does so for this request.
        allowed_models: the models to choose from; patterns with `*` are allowed.
        excluded_models: the models not to choose.
        cost_tier: how much the answer may cost.
        cost_quality_tradeoff: an older way to say that, from 0 for quality to 10 for cost.
    """

    enabled: bool | None = None
    allowed_models: Names = None
    excluded_models: Names = None
    cost_tier: CostTier | None = None
    cost_quality_tradeoff: int | None = field(default=None, validator=within(0, 10))


@frozen(kw_only=True)
class AutoRouter(_Choosing):
    """How `openrouter/auto` chooses a model; `pin_model` is whether a conversation keeps the one that was chosen."""

    id: Literal["auto-router"] = "auto-router"
    pin_model: bool | None = None


@frozen(kw_only=True)
class AutoBetaRouter(_Choosing):
    """How the next version of it chooses."""

    id: Literal["auto-beta-router"] = "auto-beta-router"


@frozen(kw_only=True)
class ParetoRouter:
    """Chooses the best model at a price.

    Attributes:
        enabled: whether it does so for this request.
        max_price: the most to pay, in US dollars for a million tokens.
        min_coding_score: how good at programming it must be, from 0 to 1.
        price_source: which price that is.
    """

    id: Literal["pareto-router"] = "pareto-router"
    enabled: bool | None = None
    max_price: int | float | None = field(default=None, validator=within(0))
    min_coding_score: int | float | None = field(default=None, validator=within(0, 1))
    price_source: Literal["prompt", "weighted_avg"] | None = None


@frozen(kw_only=True)
class FusionTool:
    """A tool that the models of a fusion may use."""

    type: str
    parameters: Mapping[str, Any] | None = None


@frozen(kw_only=True)
class Fusion:
    """Lets several models think about a request, and one answer it.

    Attributes:
        enabled: whether it does so for this request.
        preset: a choice of models.
        model: the model that answers.
        analysis_models: those that think about it, at most eight.
        max_tool_calls: how many calls of tools they may make.
        tools: the tools that they may use.
    """

    id: Literal["fusion"] = "fusion"
    enabled: bool | None = None
    preset: Literal["general-high", "general-budget", "general-fast"] | None = None
    model: str | None = None
    analysis_models: Names = None
    max_tool_calls: int | None = field(default=None, validator=within(1, 16))
    tools: tuple[FusionTool, ...] | None = None


@frozen(kw_only=True)
class StepCountIs:
    """Stop after so many steps."""

    type: Literal["step_count_is"] = "step_count_is"
    step_count: int


@frozen(kw_only=True)
class HasToolCall:
    """Stop once the model asks for this tool."""

    type: Literal["has_tool_call"] = "has_tool_call"
    tool_name: str


@frozen(kw_only=True)
class MaxTokensUsed:
    """Stop once so many tokens were used."""

    type: Literal["max_tokens_used"] = "max_tokens_used"
    max_tokens: int


@frozen(kw_only=True)
class MaxCost:
    """Stop once so many US dollars were spent."""

    type: Literal["max_cost"] = "max_cost"
    max_cost_in_dollars: int | float


@frozen(kw_only=True)
class FinishReasonIs:
    """Stop once a step ends for this reason."""

    type: Literal["finish_reason_is"] = "finish_reason_is"
    reason: str


Plugin: TypeAlias = (
    WebSearch
    | WebFetch
    | FileParser
    | ResponseHealing
    | ContextCompression
    | Moderation
    | AutoRouter
    | AutoBetaRouter
    | ParetoRouter
    | Fusion
)
Stop: TypeAlias = StepCountIs | HasToolCall | MaxTokensUsed | MaxCost | FinishReasonIs

PLUGINS: Final[Mapping[str, type[Any]]] = {
    "web": WebSearch,
    "web-fetch": WebFetch,
    "file-parser": FileParser,
    "response-healing": ResponseHealing,
    "context-compression": ContextCompression,
    "moderation": Moderation,
    "auto-router": AutoRouter,
    "auto-beta-router": AutoBetaRouter,
    "pareto-router": ParetoRouter,
    "fusion": Fusion,
}
STOPS: Final[Mapping[str, type[Any]]] = {
    "step_count_is": StepCountIs,
    "has_tool_call": HasToolCall,
    "max_tokens_used": MaxTokensUsed,
    "max_cost": MaxCost,
    "finish_reason_is": FinishReasonIs,
}
