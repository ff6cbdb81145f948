"""The file to begin with."""

from __future__ import annotations

from typing import Final

__all__ = ["STARTER"]

# A line that begins with `#` and no blank is a setting: without its `#` it is one that works.
STARTER: Final = """\
# The configuration of Jackfield. Every setting is commented out; what stands there is its usual value or an example.
# Keys belong into the environment or into .env.local, which is kept out of version control: OPENAI_API_KEY=...
# `jackfield config check` finds mistakes, `jackfield config explain` shows where each value comes from.

# The model of requests that name none: "provider:model", an alias from [models], or a provider for its own default.
#default = "fast"

# The HTTP library: "auto" takes httpx2 where it is installed, else httpx.
#engine = "auto"

# What becomes of a field of a request that a model cannot carry: "error", "warn" or "drop".
#unsupported = "error"

# The distributions whose plugins may be loaded; without it, those of all that are installed.
#allow_plugins = ["jackfield-openai", "jackfield-count"]

# Other names for models, with settings for the requests that use them.
#[models]
#fast = "openai:gpt-4.1-mini"
#calm = { target = "openai:gpt-4.1-mini", temperature = 0 }
#local = "workstation:tiny-llama"

# The table of a provider is called like its plugin, or names it with `plugin`.
#[providers.openai]
#api_key = { env = "OPENAI_API_KEY" }

# Any server that speaks OpenAI's language.
#[providers.workstation]
#plugin = "openai"
#base_url = "http://127.0.0.1:8080/v1"

# Code around each call, in the order of its slots: `jackfield plugins` lists what is installed.
#[[middleware]]
#use = "count"

# Bounds in seconds; inf is none. `total` is for a whole call that is not streamed, the last two are for streams.
#[timeouts]
#connect = 10.0
#total = 600.0
#first = 300.0
#silence = 120.0

# How requests leave this machine.
#[network]
#max_connections = 1000
#keep_alive = 30.0
"""
