"""The middleware keeps what every middleware must; see the testkit."""

import pytest

pytest.importorskip("jackfield_testkit")

from jackfield_testkit.conformance import MiddlewareConformance


class TestCount(MiddlewareConformance):
    plugin = "count"
