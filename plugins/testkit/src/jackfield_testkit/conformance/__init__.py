"""Suites that a plugin must pass: subclass one, name the plugin, run pytest. Nothing leaves the machine."""

from __future__ import annotations

from ._cases import SECRET, Conformance
from ._probes import Probe
from ._samples import Refusal, Sample
from .middleware import MiddlewareConformance
from .provider import ProviderConformance
from .store import CacheStoreConformance

__all__ = [
    "SECRET",
    "CacheStoreConformance",
    "Conformance",
    "MiddlewareConformance",
    "Probe",
    "ProviderConformance",
    "Refusal",
    "Sample",
]
