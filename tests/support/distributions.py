"""Installs little distributions for real: modules, metadata and entry points in a folder on the path."""

import importlib
import sys
import textwrap

import pytest

__all__ = ["installed"]

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{more}"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs one: `entry_points` and `metadata` are texts, and the modules, called `acme_...`, are sources."""

    def install(name, entry_points, metadata=None, more="", **modules):
        info = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        text = METADATA.format(name=name, more=more) if metadata is None else metadata
        if text:
            (info / "METADATA").write_bytes(text if isinstance(text, bytes) else text.encode())
        if entry_points is not None:
            (info / "entry_points.txt").write_text(textwrap.dedent(entry_points))
        for module, source in modules.items():
            (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        importlib.invalidate_caches()
        return info

    monkeypatch.syspath_prepend(tmp_path)
    yield install
    for module in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[module]
