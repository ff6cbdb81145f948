"""The operation `moderate`: what can be asked, and what the events of a reply come to."""

import pytest

from jackfield.errors import BadRequestError
from jackfield.types import Image, Message, Start, Text, Unknown, Usage, UsageReported
from jackfield_jobs.moderations import MODERATE, ModerateRequest, Moderation

PICTURE = Image("https://example.com/a.png")


@pytest.mark.parametrize(
    ("given", "found", "expected"),
    [
        ("a", ("a",), 1),
        (["a", "b"], ("a", "b"), 2),
        (iter(["a", ""]), ("a", ""), 2),
        (PICTURE, (PICTURE,), 1),
        ([Text("a"), PICTURE], (Text("a"), PICTURE), 1),
        (["a", PICTURE, "b"], (Text("a"), PICTURE, Text("b")), 1),
        (Message("user", "a"), (Message("user", "a"),), 1),
        ([Message("user", "a"), Message("assistant", "b")], (Message("user", "a"), Message("assistant", "b")), 1),
        (Unknown({"type": "video"}), (Unknown({"type": "video"}),), 1),
    ],
)
def test_what_can_be_judged(given, found, expected):
    request = ModerateRequest(input=given)
    assert (request.input, request.expected) == (found, expected)


@pytest.mark.parametrize("wrong", [[], "", {"type": "text"}, [1], [["a"]], b"a", None, 5, ["a", Message("user", "b")]])
def test_what_cannot(wrong):
    if wrong == "":
        assert ModerateRequest(input=wrong).input == ("",)
        return
    with pytest.raises(BadRequestError, match="input: expected a text or several, the parts of one content, or mess"):
        ModerateRequest(input=wrong)


def test_an_error_shows_no_more_of_a_wrong_input_than_need_be():
    with pytest.raises(BadRequestError) as caught:
        ModerateRequest(input=[{"x": "y" * 5000}])
    assert len(str(caught.value)) < 400


def test_a_reply_adds_up_in_the_order_of_the_inputs():
    fold = MODERATE.fold(ModerateRequest(input=["a", "b", "c"]))
    second = Moderation(1, True, {"hate": True, "violence": True, "sexual": False}, {"hate": 0.6, "violence": 0.9})
    for event in (Start("m-1", "omni"), second, Moderation(0, False)):
        fold.add(event)
    assert fold.missing() == "nothing has arrived about input 2"
    fold.add(Moderation(2, False, {"hate": False}))
    fold.add(UsageReported(Usage(5)))
    assert fold.missing() is None
    response = fold.response()
    assert [one.index for one in response.results] == [0, 1, 2]
    assert (response.flagged, response.id, response.model, response.usage) == (True, "m-1", "omni", Usage(5))
    assert response.results[1].found == ("violence", "hate")
    assert response.results[2].found == ()


def test_one_result_for_one_content():
    fold = MODERATE.fold(ModerateRequest(input=["a", PICTURE]))
    fold.add(Start())
    assert fold.missing() == "nothing has arrived about input 0"
    fold.add(Moderation(0, False))
    assert fold.missing() is None
    assert not fold.response().flagged


def test_its_name_and_its_kind():
    assert (MODERATE.name, MODERATE.repeatable, MODERATE.of_model) == ("moderate", True, True)
