"""The store in Redis keeps what every store must, with a real server; see the testkit."""

import uuid

import pytest

pytest.importorskip("jackfield_testkit")

from jackfield_testkit.conformance import CacheStoreConformance


class TestRedis(CacheStoreConformance):
    plugin = "redis"
    persistent = True
    waivers = {"damage_gives_no_wrong_value": "what a server keeps in its own memory cannot be damaged from outside"}

    @pytest.fixture(autouse=True)
    def _server(self, url):
        self.url = url

    def settings_in(self, folder):
        return {"url": self.url, "prefix": f"test:{uuid.uuid4()}:"}

    def broken_settings_in(self, folder):
        return {"url": "redis://127.0.0.1:1/0"}
