"""A fake OpenRouter, for tests: in process behind the door to the network, or on loopback.

It answers as OpenRouter documents it and as recordings show it, failures included, and needs no key and no network.
"""

from __future__ import annotations

from .fake import FakeModel, FakeOpenRouter
from .scenes import FakeReply, Scene
from .serving import serve

__all__ = ["FakeModel", "FakeOpenRouter", "FakeReply", "Scene", "serve"]
