"""Hosts that speak OpenAI's language, as data: each is a plugin by the name that it has in the table.

What a host takes is in `jackfield_wire_openai.profiles`, by the host's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import attrs
from attrs import field, frozen

from jackfield.hooks import hookimpl
from jackfield.operations import CHAT, COMPLETE, EMBED
from jackfield.provider import Endpoint, Secret
from jackfield_wire_openai.provider import WireProvider, WireSettings

if TYPE_CHECKING:
    from .moderations import ModerationExchanges

__all__ = ["HOSTS", "Host", "HostPlugin", "HostProvider"]


@frozen(kw_only=True)
class Host:
    """What must be known of a host before it is called.

    Attributes:
        title: what it calls itself.
        base_url: where its API is.
        variable: the variable that holds the key, where it is not the plugin's name in capitals with `_API_KEY`.
        needs_key: whether it answers nobody without a key.
        chat: its model of a chat where none is named; empty where there is none that everybody can use.
        complete: the same of a completion.
        embed: the same of embeddings.
        moderate: the same of moderations; empty where the host judges nothing.
        models_path: where its list of models is.
        ways: the name under which its profile stands, where that is not the host of the base URL.
    """

    title: str
    base_url: str
    variable: str = ""
    needs_key: bool = True
    chat: str = ""
    complete: str = ""
    embed: str = ""
    moderate: str = ""
    models_path: str = "/models"
    ways: str | None = None

    @property
    def models(self) -> dict[str, str]:
        """The default models, by operation."""
        found = {CHAT.name: self.chat, COMPLETE.name: self.complete, EMBED.name: self.embed, "moderate": self.moderate}
        return {operation: model for operation, model in found.items() if model}


def _here(title: str, port: int, ways: str | None = None) -> Host:
    """A server on this machine, which has the models that somebody has put there."""
    return Host(title=title, base_url=f"http://127.0.0.1:{port}/v1", needs_key=False, ways=ways)


HOSTS: Final[Mapping[str, Host]] = MappingProxyType({
    "avian": Host(title="Avian", base_url="https://api.avian.io/v1", chat="moonshotai/kimi-k2.5"),
    "baseten": Host(title="Baseten", base_url="https://inference.baseten.co/v1"),
    "cerebras": Host(title="Cerebras", base_url="https://api.cerebras.ai/v1", chat="gpt-oss-120b"),
    "cohere": Host(title="Cohere", base_url="https://api.cohere.ai/compatibility/v1", embed="embed-v4.0"),
    "crusoe": Host(title="Crusoe", base_url="https://api.inference.crusoecloud.com/v1", chat="zai/GLM-5.2"),
    "dashscope": Host(title="DashScope", base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
    "deepinfra": Host(title="DeepInfra", base_url="https://api.deepinfra.com/v1/openai"),
    "deepseek": Host(title="DeepSeek", base_url="https://api.deepseek.com/v1", chat="deepseek-v4-flash"),
    "doubleword": Host(title="Doubleword", base_url="https://api.doubleword.ai/v1", chat="Qwen/Qwen3.5-9B"),
    "fireworks": Host(title="Fireworks", base_url="https://api.fireworks.ai/inference/v1"),
    "gemini": Host(
        title="Gemini", base_url="https://generativelanguage.googleapis.com/v1beta/openai", chat="gemini-3.5-flash",
        embed="gemini-embedding-001",
    ),
    "github": Host(title="GitHub Models", base_url="https://models.github.ai/inference", variable="GITHUB_TOKEN"),
    "groq": Host(title="Groq", base_url="https://api.groq.com/openai/v1", chat="llama-3.3-70b-versatile"),
    "huggingface": Host(
        title="Hugging Face", base_url="https://router.huggingface.co/v1", variable="HF_TOKEN",
        chat="meta-llama/Llama-3.1-8B-Instruct",
    ),
    "hyperbolic": Host(title="Hyperbolic", base_url="https://api.hyperbolic.xyz/v1"),
    "litellm": Host(title="a LiteLLM proxy", base_url="http://127.0.0.1:4000/v1", needs_key=False),
    "llamacpp": _here("llama.cpp", 8080, "llama.cpp"),
    "lmstudio": _here("LM Studio", 1234, "lmstudio.ai"),
    "minimax": Host(title="MiniMax", base_url="https://api.minimax.io/v1"),
    "mistral": Host(
        title="Mistral", base_url="https://api.mistral.ai/v1", chat="mistral-small-latest", embed="mistral-embed",
        moderate="mistral-moderation-latest",
    ),
    "moonshot": Host(title="Moonshot", base_url="https://api.moonshot.ai/v1"),
    "nebius": Host(title="Nebius", base_url="https://api.tokenfactory.nebius.com/v1"),
    "nvidia": Host(title="NVIDIA", base_url="https://integrate.api.nvidia.com/v1"),
    "ollama": _here("Ollama", 11434, "ollama.com"),
    "perplexity": Host(
        title="Perplexity", base_url="https://api.perplexity.ai", chat="sonar", models_path="/v1/models",
    ),
    "sambanova": Host(title="SambaNova", base_url="https://api.sambanova.ai/v1"),
    "scaleway": Host(title="Scaleway", base_url="https://api.scaleway.ai/v1", variable="SCW_SECRET_KEY"),
    "sglang": _here("SGLang", 30000, "vllm"),
    "siliconflow": Host(title="SiliconFlow", base_url="https://api.siliconflow.com/v1"),
    "together": Host(
        title="Together", base_url="https://api.together.xyz/v1", chat="meta-llama/Llama-3.3-70B-Instruct-Turbo",
    ),
    "venice": Host(title="Venice", base_url="https://api.venice.ai/api/v1"),
    "vercel": Host(
        title="Vercel AI Gateway", base_url="https://ai-gateway.vercel.sh/v1", variable="AI_GATEWAY_API_KEY",
    ),
    "vllm": _here("vLLM", 8000, "vllm"),
    "voyage": Host(title="Voyage", base_url="https://api.voyageai.com/v1", embed="voyage-3.5"),
    "writer": Host(title="Writer", base_url="https://api.writer.com/v1"),
    "xai": Host(title="xAI", base_url="https://api.x.ai/v1", chat="grok-4.3"),
    "zai": Host(title="Z.ai", base_url="https://api.z.ai/api/paas/v4", chat="glm-4.7-flash"),
})  # fmt: skip


class HostProvider(WireProvider):
    """Chats, completions, embeddings and models at a host of the table; which of these it has, it says itself.

    Raises:
        ConfigurationError: the base URL is not one, or the host itself is to be called without a key that it needs.
    """


class HostPlugin:
    """The plugin of one host.

    Attributes:
        name: its name in the table.
        host: what the table says of it.
        variable: the variable that holds its key.
    """

    def __init__(self, name: str, host: Host) -> None:
        """Be the plugin of this host."""
        self.__doc__ = f"{host.title}, at {host.base_url}: one of the hosts that speak OpenAI's language."
        self.name = name
        self.host = host
        self.variable = host.variable or f"{name.upper()}_API_KEY"

    @hookimpl
    def jackfield_settings(self) -> type[WireSettings]:
        """The class of the settings."""
        return self._settings

    @hookimpl
    def jackfield_provider(self, name: str, settings: WireSettings) -> HostProvider:
        """A provider of this name."""
        return self._provider(name, settings)

    @cached_property
    def _settings(self) -> type[WireSettings]:
        """Settings of any such host, with the variable and the base URL of this one."""
        named = {"env": self.host.variable} if self.host.variable else {}
        perhaps: Any = Secret | None
        own = {
            "api_key": field(default=None, type=perhaps, metadata=named),
            "base_url": field(default=self.host.base_url, type=str),
        }
        name = f"{self.name.capitalize()}Settings"
        made = attrs.make_class(name, own, bases=(WireSettings,), frozen=True, slots=True)
        made.__doc__ = WireSettings.__doc__
        return made

    @cached_property
    def _provider(self) -> type[HostProvider]:
        ways = self.host.ways or Endpoint.parse(self.host.base_url).host
        told: dict[str, Any] = {
            "plugin": self.name,
            "variable": self.variable,
            "home": self.host.base_url,
            "needs_key": self.host.needs_key,
            "host": ways,
            "known_models": self.host.models,
            "models_path": self.host.models_path,
            "__module__": __name__,
        }
        bases: tuple[type[HostProvider | ModerationExchanges], ...] = (HostProvider,)
        if self.host.moderate:
            from .account import ModeratingAccount
            from .moderations import ModerationExchanges

            bases, told["accessor"] = (ModerationExchanges, HostProvider), ModeratingAccount
        return type(f"{self.name.capitalize()}Provider", bases, told)


@cache
def __getattr__(name: str) -> HostPlugin:
    """The plugin of a host, which its entry point names; it is made when somebody asks for it."""
    if name in HOSTS:
        return HostPlugin(name, HOSTS[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
