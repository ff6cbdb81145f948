"""Which inputs of a request for embeddings go together, by what is known of the host."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from jackfield.errors import ConfigurationError
from jackfield_wire_openai.embedding_parts import parts_of
from jackfield_wire_openai.profiles import GENERIC, Profile, profile_of

OPENAI = profile_of("api.openai.com")
inputs = st.lists(st.text(max_size=40) | st.lists(st.integers(0, 99), min_size=1, max_size=40).map(tuple), min_size=1)


def profile(**limits):
    return Profile(**limits).over(GENERIC)


def size(one):
    return len(one.encode()) if isinstance(one, str) else len(one)


@given(inputs, st.integers(0, 9), st.integers(0, 60), st.integers(0, 30))
def test_every_input_is_in_one_part_in_order_and_no_part_is_over_a_limit(found, most, most_tokens, longest):
    parts = parts_of(found, profile(embed_inputs=most, embed_tokens=most_tokens, embed_input_tokens=longest))
    assert [index for part in parts for index in part] == [*range(len(found))]
    for part in parts:
        sizes = [min(size(found[index]), longest or 10**9) for index in part]
        assert 0 < len(part) <= (most or len(found))
        assert not most_tokens or sum(sizes) <= most_tokens or len(part) == 1
    # no two that follow one another would have fitted into one request
    for one, other in pairwise(parts):
        together = [min(size(found[index]), longest or 10**9) for index in (*one, other[0])]
        assert len(together) > (most or 10**9) or sum(together) > (most_tokens or 10**9)


def test_at_openai():
    assert [len(part) for part in parts_of(["x"] * 2048, OPENAI)] == [2048]
    assert [len(part) for part in parts_of(["x"] * 10_000, OPENAI)] == [2048, 2048, 2048, 2048, 1808]
    assert [len(part) for part in parts_of([(1,) * 8192] * 40, OPENAI)] == [36, 4]
    # a text of more than 8,192 bytes counts as 8,192 tokens: with more, it is refused whatever comes with it
    assert [len(part) for part in parts_of(["x" * 100_000] * 40, OPENAI)] == [36, 4]
    assert [len(part) for part in parts_of(["é" * 1000] * 200, OPENAI)] == [150, 50]
    assert [len(part) for part in parts_of(["e" * 1000] * 200, OPENAI)] == [200]


@pytest.mark.parametrize(
    ("host", "most"),
    [
        ("generativelanguage.googleapis.com", 100),
        ("api.cohere.ai", 96),
        ("api.voyageai.com", 1000),
        ("dashscope.aliyuncs.com", 10),
        ("dashscope-intl.aliyuncs.com", 10),
        ("resource.openai.azure.com", 2048),
    ],
)
def test_at_other_hosts(host, most):
    assert [len(part) for part in parts_of(["x"] * (2 * most + 1), profile_of(host))] == [most, most, 1]


def test_tokens_at_mistral():
    assert [len(part) for part in parts_of(["x" * 1000] * 20, profile_of("api.mistral.ai"))] == [16, 4]


def test_half_of_a_surrogate_pair_counts_as_it_is_sent():
    assert len(parts_of(["\ud800" * 3] * 2, profile(embed_tokens=17))) == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "openrouter.ai"])
def test_where_no_limit_is_known_all_go_together(host):
    assert parts_of(["x" * 1000] * 5000, profile_of(host)) == [range(5000)]


def test_a_limit_of_ones_own():
    own = profile_of("api.openai.com", Profile(embed_inputs=100, embed_tokens=0))
    assert [len(part) for part in parts_of(["x" * 9000] * 250, own)] == [100, 100, 50]
    none = profile_of("api.openai.com", Profile(embed_inputs=0, embed_tokens=0))
    assert len(parts_of(["x"] * 5000, none)) == 1


@pytest.mark.parametrize("name", ["embed_inputs", "embed_tokens", "embed_input_tokens"])
def test_a_limit_below_zero_is_refused(name):
    with pytest.raises(ConfigurationError, match=f"{name}: expected a number, or 0"):
        Profile(**{name: -1})
