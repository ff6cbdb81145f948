"""Each case of the suites stands in the table of its suite, and no other does."""

import re

import pytest
from blocks import ROOT

from jackfield_testkit.conformance import CacheStoreConformance, MiddlewareConformance, ProviderConformance

HEADS = {"Providers": ProviderConformance, "Middleware": MiddlewareConformance, "Stores": CacheStoreConformance}


@pytest.mark.parametrize("head", HEADS)
def test_the_table_has_each_case(head):
    page = (ROOT / "docs/conformance.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {head}\n")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
    cases = [name.removeprefix("test_") for name in dir(HEADS[head]) if name.startswith("test_")]
    assert sorted(told) == sorted(cases)
