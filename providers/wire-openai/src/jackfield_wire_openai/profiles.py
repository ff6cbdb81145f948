"""What hosts and models take and refuse, as data. Facts of this kind go stale, so a user can add to both tables.

The facts are those of OpenAI's and OpenRouter's API descriptions, and of recorded traffic. What is not known passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import attrs
from attrs import field, frozen

from jackfield.errors import ConfigurationError
from jackfield.operations import ChatRequest

__all__ = ["GENERIC", "ModelRule", "Profile", "api_for", "profile_of", "rule_for"]

PENALTIES: Final = ("frequency_penalty", "presence_penalty")
SAMPLING: Final = ("temperature", "top_p", *PENALTIES, "logprobs", "top_logprobs", "logit_bias")
TOOLS: Final = ("tools", "tool_choice", "parallel_tool_calls")
# the ways in which a thought can be sent back
FORMS: Final = ("reasoning", "reasoning_content", "reasoning_details", "thinking", "summary")
# what a model does where it is not told otherwise: one that refuses a field need not be told that
DEFAULTS: Final[dict[str, Any]] = {
    "temperature": 1,
    "top_p": 1,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logprobs": False,
}


def _words(*known: str) -> Any:
    """Checks a word, or each of several."""

    def check(_: object, attribute: Any, value: Any) -> None:
        for word in (value,) if isinstance(value, str) else value or ():
            if word not in known:
                raise ConfigurationError(f"{attribute.name}: expected one of {', '.join(known)}, got {word!r}")

    return check


def _count(_: object, attribute: Any, value: int | None) -> None:
    if value is not None and value < 0:
        raise ConfigurationError(f"{attribute.name}: expected a number, or 0 where there is no limit, got {value!r}")


def _fields(_: object, attribute: Any, value: tuple[str, ...] | None) -> None:
    _words(*(one.name for one in attrs.fields(ChatRequest)), "max_tokens", "cache")(_, attribute, value)


@frozen(kw_only=True)
class ModelRule:
    """What is known of the models whose name fits a pattern. Of several rules, the first that fits counts.

    Attributes:
        match: a pattern of names, with `*` and `?`; "ft:" before a name is not part of it.
        refuses: fields of a request that the model refuses, in our words; "max_tokens" and "cache" may be among them.
        refuses_while_reasoning: fields that it refuses unless the effort is "none".
        takes_defaults: whether it takes a field that it refuses at the value that it has anyway; if not, the field is
            left out then, which says the same.
        efforts: the values of `reasoning_effort` that it takes; None where that is not known.
        default_effort: how much it reasons where it is not told.
        instructions: whether it takes turns of the roles "system" and "developer".
        api: the API that chats with it go over, "chat" or "responses"; None where the instance's own will do.
    """

    match: str
    refuses: tuple[str, ...] = field(default=(), validator=_fields)
    refuses_while_reasoning: tuple[str, ...] = field(default=(), validator=_fields)
    takes_defaults: bool = False
    efforts: tuple[str, ...] | None = None
    default_effort: str | None = None
    instructions: bool = True
    api: str | None = field(default=None, validator=_words("chat", "responses"))

    def refused(self, effort: str | None) -> frozenset[str]:
        """The fields that the model refuses at this effort."""
        silent = (effort or self.default_effort) == "none"
        return frozenset(self.refuses if silent else (*self.refuses, *self.refuses_while_reasoning))


@frozen(kw_only=True)
class Profile:
    """What a host takes. What is None is as `GENERIC` has it.

    Attributes:
        max_tokens: what it calls the limit of a reply: "max_tokens" or "max_completion_tokens".
        developer: whether it knows the role "developer"; if not, such a turn is sent as the system's.
        strict: whether it refuses pictures, sound and files outside the user's turns.
        thoughts: how reasoning can be sent back to it, of "reasoning", "reasoning_content", "reasoning_details",
            "thinking", "summary".
        plain_thought: which of these takes a thought that does not say where it comes from; "" for none.
        annotations: whether remarks on a text can be sent back to it.
        images: whether pictures that a model made can be sent back to it, under "images".
        foreign: fields of messages that other hosts want back and that this one refuses.
        cache: how a part of the prompt is marked for its cache: "cache_control", "prompt_cache_breakpoint" or "no".
        cache_turns: whether a turn can bear a `cache_control`; if not, its last part does.
        top_k: whether it takes `top_k`.
        reasoning_budget: whether it takes a number of tokens to think with, as `reasoning.max_tokens`.
        stream_usage: whether a stream can be asked for its usage.
        needs_done: whether each stream ends in `[DONE]`, so that one without it is truncated.
        base64: whether it gives embeddings in base64.
        choices: whether it gives several choices for one request.
        responses: fields of a chat that its Responses API takes, and OpenAI's does not.
        embed_inputs: the most inputs that a request for embeddings may have; 0 where that is not known. A call with
            more is sent as several requests.
        embed_tokens: the most tokens that all its inputs may have together; 0 where that is not known.
        embed_input_tokens: the most tokens that one input may have; 0 where that is not known.
        names: what it calls a parameter that others know under another name.
        refuses: fields of a request that it has no parameter for, in our words.
    """

    max_tokens: str | None = field(default=None, validator=_words("max_tokens", "max_completion_tokens"))
    developer: bool | None = None
    strict: bool | None = None
    thoughts: tuple[str, ...] | None = field(default=None, validator=_words(*FORMS))
    plain_thought: str | None = field(default=None, validator=_words(*FORMS, ""))
    annotations: bool | None = None
    images: bool | None = None
    foreign: tuple[str, ...] | None = None
    cache: str | None = field(default=None, validator=_words("cache_control", "prompt_cache_breakpoint", "no"))
    cache_turns: bool | None = None
    top_k: bool | None = None
    reasoning_budget: bool | None = None
    stream_usage: bool | None = None
    needs_done: bool | None = None
    base64: bool | None = None
    choices: bool | None = None
    responses: tuple[str, ...] | None = field(default=None, validator=_fields)
    embed_inputs: int | None = field(default=None, validator=_count)
    embed_tokens: int | None = field(default=None, validator=_count)
    embed_input_tokens: int | None = field(default=None, validator=_count)
    names: Mapping[str, str] | None = None
    refuses: tuple[str, ...] | None = field(default=None, validator=_fields)

    def over(self, base: Profile) -> Profile:
        """This profile, and what it leaves open as another has it."""
        own = attrs.asdict(self, recurse=False)
        return attrs.evolve(base, **{name: value for name, value in own.items() if value is not None})


GENERIC: Final = Profile(
    max_tokens="max_tokens",
    developer=False,
    strict=False,
    thoughts=("reasoning", "reasoning_content", "reasoning_details"),
    plain_thought="reasoning_content",
    annotations=True,
    images=True,
    foreign=(),
    cache="cache_control",
    cache_turns=True,
    top_k=True,
    reasoning_budget=False,
    stream_usage=True,
    needs_done=False,
    base64=True,
    choices=True,
    responses=(),
    embed_inputs=0,
    embed_tokens=0,
    embed_input_tokens=0,
    names={},
    refuses=(),
)
NEW_NAME: Final = "max_completion_tokens"
OPENAI: Final = Profile(
    max_tokens=NEW_NAME,
    developer=True,
    strict=True,
    thoughts=(),
    plain_thought="",
    annotations=False,
    images=False,
    foreign=("extra_content", "provider_metadata", "reasoning", "reasoning_content", "reasoning_details",
             "thought_signature"),
    cache="prompt_cache_breakpoint",
    top_k=False,
    embed_inputs=2048,
    embed_tokens=300_000,
    embed_input_tokens=8192,
)  # fmt: skip
# What hosts have in common: none of these has a place for marks of a cache; those without sampling from the best k, for
# remarks on a text and for pictures of a model do not say so, or refuse the request.
UNMARKED: Final = Profile(cache="no")
PLAIN: Final = Profile(top_k=False, annotations=False, images=False).over(UNMARKED)
CLOSED: Final = Profile(foreign=("extra_content", "provider_metadata", "thought_signature")).over(PLAIN)
ALOUD: Final = Profile(thoughts=("reasoning_content",)).over(PLAIN)
OLLAMA: Final = Profile(
    thoughts=("reasoning", "reasoning_content"), plain_thought="reasoning", choices=False
).over(PLAIN)  # fmt: skip
# By the end of a host's name; servers that run anywhere have names of their own here. `needs_done` is said where a
# host was seen to end a whole stream without [DONE].
HOSTS: Final[dict[str, Profile]] = {
    "api.openai.com": OPENAI,
    "openai.azure.com": OPENAI,
    "openrouter.ai": Profile(
        developer=True,
        plain_thought="reasoning",
        reasoning_budget=True,
        responses=("top_k", "frequency_penalty", "presence_penalty"),
    ),
    "mistral.ai": Profile(
        thoughts=("thinking",), plain_thought="thinking", stream_usage=False, embed_tokens=16_384,
        names={"seed": "random_seed"},
        refuses=("logit_bias", "user", "service_tier"),
    ).over(CLOSED),
    "azuredatabricks.net": Profile(thoughts=("summary",), plain_thought="summary"),
    "api.cerebras.ai": Profile(
        max_tokens=NEW_NAME, thoughts=("reasoning",), plain_thought="reasoning", needs_done=False,
    ).over(CLOSED),
    "api.cohere.ai": Profile(embed_inputs=96),
    "api.deepseek.com": Profile(choices=False).over(ALOUD),
    "api.fireworks.ai": UNMARKED,
    "api.groq.com": Profile(
        max_tokens=NEW_NAME, thoughts=("reasoning",), plain_thought="reasoning", choices=False,
        refuses=("logprobs", "top_logprobs", "logit_bias"),
    ).over(CLOSED),
    "api.moonshot.ai": ALOUD,
    "api.perplexity.ai": Profile(
        thoughts=(), plain_thought="", choices=False, stream_usage=False, needs_done=False,
    ).over(PLAIN),
    "api.sambanova.ai": UNMARKED,
    "api.together.ai": UNMARKED,
    "api.together.xyz": UNMARKED,
    "api.voyageai.com": Profile(embed_inputs=1000, embed_tokens=120_000),
    "api.x.ai": Profile(max_tokens=NEW_NAME).over(ALOUD),
    "api.z.ai": ALOUD,
    "ai-gateway.vercel.sh": Profile(thoughts=("reasoning", "reasoning_details"), plain_thought="reasoning"),
    "generativelanguage.googleapis.com": Profile(
        thoughts=(), plain_thought="", foreign=("provider_metadata",), embed_inputs=100,
    ).over(PLAIN),
    "dashscope.aliyuncs.com": Profile(embed_inputs=10),
    "dashscope-intl.aliyuncs.com": Profile(embed_inputs=10),
    "integrate.api.nvidia.com": UNMARKED,
    "router.huggingface.co": Profile(needs_done=False),
    "snowflakecomputing.com": Profile(thoughts=("reasoning_details",), plain_thought=""),
    "ollama.com": OLLAMA,
    "llama.cpp": UNMARKED,
    "lmstudio.ai": UNMARKED,
    "vllm": UNMARKED,
}  # fmt: skip
O_SERIES: Final = ("low", "medium", "high")
GPT_5: Final = ("minimal", "low", "medium", "high")
GPT_5_1: Final = ("none", "low", "medium", "high")
GPT_5_2: Final = (*GPT_5_1, "xhigh")
PRO: Final = ("medium", "high", "xhigh")
OLDER: Final = ("max_tokens", "cache")
THINKING: Final = (*OLDER, *SAMPLING)

# of models by OpenAI, at hosts that are OpenAI's own or Azure's: elsewhere a name may mean something else
OPENAI_MODELS: Final = (
    *(
        ModelRule(
            match=match,
            refuses=(*THINKING, *TOOLS, "response_format", "reasoning_effort", *more),
            takes_defaults=True,
            instructions=False,
        )
        for match, more in (("o1-mini*", ("stop",)), ("o1-preview*", ()))
    ),
    *(
        ModelRule(match=match, refuses=(*THINKING, "parallel_tool_calls", *more), efforts=O_SERIES)
        for match, more in (("o1*", ()), ("o3-mini*", ()), ("o3*", ("stop",)), ("o4-mini*", ("stop",)))
    ),
    ModelRule(match="gpt-5-chat*", refuses=(*OLDER, *TOOLS)),
    # these always think, and as much as they do
    ModelRule(match="gpt-5.?-chat*", refuses=THINKING, efforts=("medium",)),
    ModelRule(match="gpt-5-pro*", refuses=(*THINKING, "stop"), efforts=("high",)),
    ModelRule(match="gpt-5.?-pro*", refuses=THINKING, efforts=PRO),
    ModelRule(match="gpt-5.1-codex-max*", refuses=THINKING, efforts=(*O_SERIES, "xhigh")),
    *(ModelRule(match=match, refuses=THINKING, efforts=O_SERIES) for match in ("gpt-5-codex*", "gpt-5.1-codex*")),
    *(ModelRule(match=match, refuses=(*THINKING, "stop"), efforts=GPT_5) for match in ("gpt-5", "gpt-5-*")),
    # and these think or do not, as they are told; up to 5.4 they do not unless they are
    *(
        ModelRule(
            match=match, refuses=(*OLDER, *more), refuses_while_reasoning=SAMPLING,
            efforts=efforts, default_effort="none",
        )
        for match, more, efforts in (("gpt-5.1*", ("stop",), GPT_5_1), ("gpt-5.[234]*", (), GPT_5_2))
    ),
    ModelRule(match="gpt-5.5*", refuses=OLDER, refuses_while_reasoning=SAMPLING, efforts=GPT_5_2),
    ModelRule(
        match="gpt-5.6*", refuses=("max_tokens",), refuses_while_reasoning=SAMPLING, efforts=(*GPT_5_2, "max")
    ),
    *(ModelRule(match=match, refuses=("cache",)) for match in ("gpt-3.5*", "gpt-4*", "chatgpt-4o*")),
)  # fmt: skip

# those of them that chats with go over the Responses API alone
OF_RESPONSES: Final = (
    "o1-pro*", "o3-pro*", "o3-deep-research*", "o4-mini-deep-research*", "computer-use-preview*", "gpt-5-codex*",
    "gpt-5-pro*", "gpt-5.1-codex-max*", "gpt-5.5-pro*", "gpt-5.6-cyber*", "gpt-daybreak-*",
)  # fmt: skip


def profile_of(host: str, own: Profile | None = None) -> Profile:
    """The profile of a host, in which nothing is None; `own` counts before what is known of the host."""
    known = next((profile for end, profile in HOSTS.items() if host == end or host.endswith(f".{end}")), Profile())
    return (own or Profile()).over(known.over(GENERIC))


def rule_for(host: str, model: str, own: Iterable[ModelRule] = ()) -> ModelRule | None:
    """The rule for a model at a host; None where nothing is known. `own` counts before what is known of the host."""
    known = OPENAI_MODELS if _is_openais(host) else ()
    name = model.removeprefix("ft:")
    return next((rule for rule in (*own, *known) if fnmatchcase(name, rule.match)), None)


def api_for(host: str, model: str) -> str | None:
    """The API that a model at a host is known to answer chats over alone; None where nothing is known."""
    alone = _is_openais(host) and any(fnmatchcase(model.removeprefix("ft:"), match) for match in OF_RESPONSES)
    return "responses" if alone else None


def _is_openais(host: str) -> bool:
    return any(host == end or host.endswith(f".{end}") for end in OPENAI_HOSTS)


OPENAI_HOSTS: Final = tuple(end for end, profile in HOSTS.items() if profile is OPENAI)
