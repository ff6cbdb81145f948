"""The cache and its own stores keep what every middleware and every store must; see the testkit."""

import pytest

pytest.importorskip("jackfield_testkit")

from jackfield_testkit.conformance import CacheStoreConformance, MiddlewareConformance


class TestCache(MiddlewareConformance):
    plugin = "cache"


class TestMemory(CacheStoreConformance):
    plugin = "memory"


class TestSqlite(CacheStoreConformance):
    plugin = "sqlite"
    persistent = True

    def settings_in(self, folder):
        return {"path": str(folder / "c.sqlite")}

    def broken_settings_in(self, folder):
        (folder / "file").write_text("")
        return {"path": str(folder / "file" / "c.sqlite")}

    def damage(self, folder):
        file = folder / "c.sqlite"
        content = bytearray(file.read_bytes())
        content[100:] = b"?" * len(content[100:])
        file.write_bytes(content)
