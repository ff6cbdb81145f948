"""The events of a chat fold into one message, whatever it is made of, and in the order in which its parts began."""

import pytest

from jackfield.errors import MalformedReplyError
from jackfield.operations import CHAT, ChatRequest
from jackfield.types import (
    Annotated,
    Audio,
    AudioDelta,
    Citation,
    Finish,
    Finished,
    Image,
    Logprobs,
    LogprobsDelta,
    Message,
    MessageExtra,
    PartAdded,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Start,
    Text,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Unknown,
)

STOP = Finish("stop", "stop")


def folded(*events, finish=STOP):
    fold = CHAT.fold(ChatRequest(messages="x"))
    for event in (Start(), *events, *([Finished(finish)] if finish else ())):
        fold.add(event)
    return fold.response()


def test_thoughts_are_kept_apart_with_their_signatures():
    message = folded(
        ReasoningDelta("First ", block=0, format="a-v1", extra={"index": 0}),
        ReasoningDelta("one.", block=0),
        ReasoningDelta(block=1, encrypted="AB", id="r2"),
        ReasoningDelta(block=0, signature="sig", extra={"more": 1}),
        ReasoningDelta(block=1, encrypted="CD"),
        ReasoningDelta("In short.", block=2, summary=True),
        TextDelta("4"),
    ).message
    assert message.parts == (
        Reasoning("First one.", "sig", format="a-v1", extra={"index": 0, "more": 1}),
        Reasoning(encrypted="ABCD", id="r2"),
        Reasoning("In short.", summary=True),
        Text("4"),
    )


def test_parts_stand_in_the_order_in_which_they_began():
    image = Image("data:image/png;base64,AA")
    reply = folded(
        TextDelta("a"),
        PartAdded(image),
        ToolCallDelta(0, "c1", "f", "{", extra={"google": {"x": 1}}),
        RefusalDelta("No"),
        TextDelta("b"),
        ToolCallDelta(0, arguments="}"),
        ToolCallDelta(1, "c2", "shell", "ls", custom=True),
        PartAdded(Unknown({"type": "video"})),
        PartAdded(image),
        RefusalDelta("."),
    )
    assert reply.message == Message(
        "assistant",
        [
            Text("ab"),
            image,
            ToolCall("c1", "f", "{}", extra={"google": {"x": 1}}),
            Refusal("No."),
            ToolCall("c2", "shell", "ls", custom=True),
            Unknown({"type": "video"}),
            image,
        ],
    )
    assert (reply.text, reply.refusal, len(reply.tool_calls)) == ("ab", "No.", 2)


def test_texts_that_a_provider_tells_apart_stay_apart():
    call = ToolCallDelta(0, "c1", "f", "{}")
    reply = folded(TextDelta("Let me "), TextDelta("look."), call, TextDelta("It is ", block=1), TextDelta("so.", 0, 1))
    assert reply.message.parts == (Text("Let me look."), ToolCall("c1", "f", "{}"), Text("It is so."))
    assert reply.text == "Let me look.It is so."


def test_sound_comes_in_pieces():
    message = folded(
        AudioDelta("AAA", id="a1"), AudioDelta("BBB", transcript="He"), AudioDelta(transcript="llo", expires=9.0)
    ).message
    assert message.parts == (Audio("AAABBB", id="a1", transcript="Hello", expires=9.0),)


def test_what_is_remarked_and_what_must_go_back_is_kept():
    citation = Citation("https://example.com", "Example", "said", 0, 4)
    reply = folded(
        TextDelta("said"),
        Annotated(citation),
        MessageExtra({"a": 1, "b": 1}),
        MessageExtra({"b": 2}),
        Annotated(Unknown({"type": "file"})),
    )
    assert reply.annotations == (citation, Unknown({"type": "file"}))
    assert reply.message.extra == {"a": 1, "b": 2}
    assert reply.message == Message("assistant", "said", annotations=reply.annotations, extra={"a": 1, "b": 2})


def test_log_probabilities_are_kept_by_what_they_are_of():
    one, two = TokenLogprob("a", -1.0), TokenLogprob("b", None)
    reply = folded(LogprobsDelta((one,)), LogprobsDelta((two,), of="refusal"), LogprobsDelta((two,)))
    assert reply.logprobs == Logprobs((one, two), (two,))
    assert folded(TextDelta("x")).logprobs is None


def test_a_reply_that_was_cut_has_no_whole_calls():
    for finish in (None, Finish("length", "length"), Finish("error", None), Finish("content_filter", "x")):
        assert not folded(ToolCallDelta(0, "c1", "f", "{}"), finish=finish).tool_calls[0].complete
    assert folded(ToolCallDelta(0, "c1", "f", "{}"), finish=Finish("tool_calls", "stop")).tool_calls[0].complete


def test_a_repr_says_what_was_set_and_hides_what_is_long():
    assert repr(Text("a")) == "Text(text='a')"
    assert repr(Message("user", "a")) == "Message(role='user', parts=(Text(text='a'),))"
    shown = repr(Image.of(b"x" * 1000, "image/png"))
    assert "data:image/png;base64,eHh4" in shown
    assert len(shown) < 120
    assert len(repr(Audio.of(b"x" * 1000, "wav"))) < 40


def test_half_an_answer_is_not_parsed():
    for finish in (None, Finish("length", "length")):
        with pytest.raises(MalformedReplyError, match="cannot be parsed"):
            _ = folded(TextDelta("12"), finish=finish).parsed
    assert folded(TextDelta("12")).parsed == 12
