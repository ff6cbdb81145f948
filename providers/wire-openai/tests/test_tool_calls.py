"""Tool calls, whole and in pieces, as servers really send them."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st
from openai_chats import chunk, good, piece, reply, streamed, whole

from jackfield.errors import MalformedReplyError, ServerError, TruncatedStreamError
from jackfield.types import Finish, Finished, ToolCall, ToolCallDelta


def calling(*pieces, **more):
    return [chunk({"tool_calls": [piece]}) for piece in pieces] + [chunk(finish="tool_calls", **more)]


def tools(*pieces):
    return good(streamed(*calling(*pieces))).tool_calls


@pytest.mark.parametrize("empty", [{"id": None}, {"id": ""}, {}])
def test_later_pieces_of_a_call_need_no_id(empty):
    later = {"index": 0, "function": {"arguments": "1}"}, **empty}
    assert tools(piece(0, "a", "f", '{"x":'), later) == (ToolCall("a", "f", '{"x":1}'),)


@pytest.mark.parametrize(("first", "second"), [(1, 2), (0, 7), (5, 2)])
def test_indexes_of_calls_may_start_anywhere_and_have_gaps(first, second):
    outcome = streamed(
        *calling(piece(first, "a", "f", "{}"), piece(second, "b", "g", "{"), piece(second, arguments="}"))
    )
    assert good(outcome).tool_calls == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}"))
    assert [event.index for event in outcome.events if isinstance(event, ToolCallDelta)] == [0, 1, 1]


def test_an_index_used_again_for_another_id_is_another_call():
    pieces = piece(0, "a", "f", "{}"), piece(0, "b", "g", "{"), piece(0, arguments="}"), piece(0, "b", arguments=" ")
    assert tools(*pieces) == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "{} "))


def test_an_index_used_again_for_two_ids_at_once_does_not_mix_them():
    pieces = piece(0, "a", "f", "{"), piece(0, "b", "g", "["), piece(0, "a", None, "}"), piece(0, "b", None, "]")
    assert tools(*pieces) == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "[]"))


TWO = (ToolCall("", "f", '{"x":1}'), ToolCall("", "g", '{"y":2}'))


@pytest.mark.parametrize(
    "pieces",
    [
        [piece(0, None, "f", '{"x":1}'), piece(0, None, "g", '{"y":2}')],
        [piece(0, "", "f", '{"x":1}'), piece(0, "", "g", '{"y":'), piece(0, arguments="2}")],
        [piece(0, None, "f"), piece(0, arguments='{"x":1}'), piece(0, None, "g", '{"y":2}')],
        [piece(0, None, name, cut) for name, cut in (("f", '{"x":'), ("f", "1}"), ("g", "{"), ("g", '"y":2}'))],
    ],
)
def test_calls_under_one_index_and_without_ids_are_told_apart_by_their_names(pieces):
    assert tools(*pieces) == TWO


def test_calls_of_one_tool_under_one_index_are_told_apart_by_where_their_arguments_end():
    pieces = [piece(0, None, "f", '{"x":1}'), piece(0, None, "f", '\n{"x":2}')]
    assert [call.arguments for call in tools(*pieces)] == ['{"x":1}', '\n{"x":2}']
    assert [call.arguments for call in tools(*(one | {"id": "a"} for one in pieces))] == ['{"x":1}', '\n{"x":2}']


@given(st.dictionaries(st.text(max_size=4), st.text(st.sampled_from('{}"\\[]ax '), max_size=8), max_size=3), st.data())
def test_a_call_is_one_however_its_arguments_are_cut_and_its_name_is_repeated(value, data):
    text = json.dumps(value)
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    cuts = [text[start:stop] for start, stop in pairwise([0, *places, len(text)])]
    assert tools(*(piece(0, None, "f", cut) for cut in cuts)) == (ToolCall("", "f", text),)
    assert tools(*(piece(0, None, "f" * (not place), cut) for place, cut in enumerate(cuts))) == (
        ToolCall("", "f", text),
    )


@pytest.mark.parametrize("text", ['{"x":"}{"}', '{"x":"\\"}{"}', '{"x":[{},{"y":"\\\\"}]}'])
def test_a_brace_inside_a_text_ends_no_call(text):
    json.loads(text)
    assert tools(*(piece(0, None, "f", char) for char in text)) == (ToolCall("", "f", text),)


def test_arguments_that_are_glued_together_are_never_a_call():
    outcome = streamed(*calling(piece(0, "a", "f", '{"x":1}'), piece(0, arguments='{"x":2}')))
    assert isinstance(outcome.error, MalformedReplyError)
    assert "the arguments of 'f' go on behind their end" in outcome.error.message
    assert not outcome.response.tool_calls[0].complete


def test_the_text_of_a_custom_tool_may_look_like_anything():
    pieces = [
        {"index": 0, "custom": {"name": "f", "input": "{}"}},
        {"index": 0, "custom": {"name": "f", "input": "{}"}},
    ]
    assert tools(*pieces) == (ToolCall("", "f", "{}{}", custom=True),)


def test_calls_without_indexes_are_told_apart_by_id():
    pieces = piece(None, "a", "f", "{"), piece(None, "b", "g", "["), piece(None, "a", arguments="}")
    assert tools(*pieces) == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "["))


@pytest.mark.parametrize("together", [True, False])
def test_calls_with_neither_index_nor_id_are_told_apart_by_their_names(together):
    pieces = [{**piece(name="f", arguments="{}"), "id": ""}, {**piece(name="f", arguments='{"x":1}'), "id": ""}]
    chunks = [chunk({"tool_calls": pieces})] if together else [chunk({"tool_calls": [one]}) for one in pieces]
    response = good(streamed(*chunks, chunk(finish="stop")))
    assert response.tool_calls == (ToolCall("", "f", "{}"), ToolCall("", "f", '{"x":1}'))


def test_a_piece_with_nothing_to_tell_it_by_belongs_to_the_last_call():
    assert tools(piece(0, "a", "f"), piece(None, arguments="{"), piece(None, arguments="}")) == (
        ToolCall("a", "f", "{}"),
    )


def test_the_name_may_come_after_the_first_arguments():
    assert tools(piece(0, "a", None, "{"), piece(0, None, "f", "}")) == (ToolCall("a", "f", "{}"),)


NAMELESS = [{"arguments": "{}"}, {"name": "", "arguments": "{}"}, {"name": None}, {}, [], None]


@pytest.mark.parametrize("finish", ["tool_calls", "stop", "new_reason"])
@pytest.mark.parametrize("function", NAMELESS)
def test_a_call_without_a_name_is_no_good_reply(function, finish):
    call = {"index": 0, "id": "a", "type": "function", "function": function}
    for outcome in (
        whole(reply({"content": "x", "tool_calls": [piece(0, "b", "f", "{}"), call]}, finish)),
        streamed(chunk({"content": "x", "tool_calls": [piece(1, "b", "f", "{}"), call]}), chunk(finish=finish)),
        streamed(chunk({"content": "x", "tool_calls": [piece(1, "b", "f", "{}"), call]}, finish), done=False),
    ):
        assert isinstance(outcome.error, MalformedReplyError)
        assert outcome.error.message == "tool_calls: call 1 has no name"
        assert outcome.response.text == "x"
        assert not any(call.complete for call in outcome.response.tool_calls)
        assert not any(isinstance(event, Finished) for event in outcome.events)


def test_a_call_of_the_older_kind_without_a_name_is_no_good_reply():
    message = {"content": None, "function_call": {"arguments": "{}"}}
    for outcome in (whole(reply(message)), streamed(chunk(message, "function_call"))):
        assert isinstance(outcome.error, MalformedReplyError)


@pytest.mark.parametrize("native", ["length", "max_output_tokens", "MAX_TOKENS"])
def test_a_call_that_was_cut_is_incomplete_though_a_router_says_that_tools_are_to_be_run(native):
    cut = chunk({"tool_calls": [piece(0, "c", "f", '{"a')]})
    last = chunk(finish="tool_calls")
    last["choices"][0]["native_finish_reason"] = native
    whole_reply = reply({"tool_calls": [piece(None, "c", "f", '{"a')]}, finish="tool_calls")
    whole_reply["choices"][0]["native_finish_reason"] = native
    for response in (good(streamed(cut, last)), good(whole(whole_reply))):
        (call,) = response.tool_calls
        assert not call.complete
        finish = response.choices[0].finish
        assert (finish.unified, finish.raw) == ("length", "tool_calls")


def test_a_call_that_was_cut_before_its_name_is_incomplete():
    for outcome in (
        whole(reply({"tool_calls": [piece(0, "a")]}, "length")),
        streamed(chunk({"tool_calls": [piece(0, "a")]}), chunk(finish="length")),
    ):
        assert good(outcome).tool_calls == (ToolCall("a", "", "", complete=False),)


def test_a_call_that_says_nothing_at_all_is_none():
    empty = {"index": 0, "id": "", "type": "function", "function": {"name": "", "arguments": ""}}
    for outcome in (
        whole(reply({"content": "x", "tool_calls": [empty]})),
        streamed(chunk({"content": "x", "tool_calls": [empty]}), chunk({"tool_calls": [{}]}), chunk(finish="stop")),
    ):
        assert (good(outcome).tool_calls, outcome.response.finish) == ((), Finish("stop", "stop"))


# behind the finish

F, G = piece(0, "a", "f", "{}"), piece(1, "b", "g", "{}")


def test_each_of_several_calls_may_come_with_a_finish():
    """Only the last of them is one: some proxies end the reply with each call."""
    payloads = [chunk({"tool_calls": [F]}, "tool_calls"), chunk({"tool_calls": [G]}, "stop"), chunk(finish="stop")]
    outcome = streamed(*payloads)
    assert [call.id for call in good(outcome).tool_calls] == ["a", "b"]
    assert [event.finish for event in outcome.events if isinstance(event, Finished)] == [Finish("tool_calls", "stop")]
    assert [event.raw for event in outcome.events if event.raw] == payloads


@pytest.mark.parametrize("reason", ["tool_calls", "stop"])
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize(
    "late", [piece(1, "b", "g", '{"x'), piece(1, "b", "g"), piece(None, name="g"), piece(0, None, "g", '{"x')]
)
def test_a_call_behind_the_finish_is_not_complete_without_another(late, done, apart, reason):
    first = [chunk({"tool_calls": [F]}), chunk(finish=reason)] if apart else [chunk({"tool_calls": [F]}, reason)]
    outcome = streamed(*first, chunk({"tool_calls": [late]}), done=done)
    assert isinstance(outcome.error, TruncatedStreamError)
    assert [call.name for call in outcome.response.tool_calls] == ["f", "g"]
    assert not any(call.complete for call in outcome.response.tool_calls)
    assert [event.raw for event in outcome.events if event.raw] == [*first, chunk({"tool_calls": [late]})]


@pytest.mark.parametrize("between", [chunk(), {"choices": [], "usage": {"prompt_tokens": 1}}])
def test_a_call_long_behind_the_finish_is_malformed(between):
    for first in (chunk({"tool_calls": [F]}, "tool_calls"), chunk({"content": "x"}, "stop")):
        outcome = streamed(first, between, chunk({"tool_calls": [piece(1, "b", "g", '{"x')]}))
        assert isinstance(outcome.error, MalformedReplyError)
        assert "behind the finish" in outcome.error.message
        assert [call.id for call in outcome.response.tool_calls if call.complete] == ["a"] * (
            "content" not in str(first)
        )


@pytest.mark.parametrize("late", [piece(0, arguments=" \n"), piece(0, "a", "f", ""), piece(0, "a"), {}, {"index": 5}])
def test_white_space_behind_the_finish_is_nothing(late):
    outcome = streamed(chunk({"tool_calls": [F]}, "tool_calls"), chunk({"tool_calls": [late]}), chunk())
    assert good(outcome).tool_calls == (ToolCall("a", "f", "{}"),)
    kinds = [type(event).__name__ for event in outcome.events]
    assert kinds == ["Start", "ToolCallDelta", "Finished", "Unrecognized", "Unrecognized"]


def test_a_finish_that_is_held_back_comes_before_what_follows():
    usage = {"choices": [], "usage": {"prompt_tokens": 1}}
    outcome = streamed(chunk({"tool_calls": [F]}), chunk(finish="stop"), usage)
    assert [type(event).__name__ for event in outcome.events[2:]] == ["Finished", "UsageReported"]
    assert [event.raw for event in outcome.events[2:]] == [chunk(finish="stop"), usage]
    outcome = streamed(chunk({"tool_calls": [F]}, "stop"), {"error": {"code": 502, "message": "Down."}})
    assert isinstance(outcome.error, ServerError)
    assert isinstance(outcome.events[-1], Finished)
    two = streamed(
        chunk({"tool_calls": [F]}, "stop"), chunk({"tool_calls": [F]}, index=1), chunk(finish="stop", index=1)
    )
    assert [len(choice.message.tool_calls) for choice in good(two).choices] == [1, 1]


def test_the_id_may_come_late():
    assert tools(piece(0, None, "f", "{"), piece(0, "a", None, "}")) == (ToolCall("a", "f", "{}"),)


def test_id_and_name_that_every_piece_repeats_are_taken_once():
    pieces = [piece(0, "a", "f", text) for text in ("", "{", "}")]
    assert tools(*pieces) == (ToolCall("a", "f", "{}"),)


def test_only_the_end_of_the_call_finishes_it():
    """Arguments that happen to parse are not finished before the choice is."""
    outcome = streamed(*calling(piece(0, "a", "f", "{}"))[:-1], done=False)
    assert isinstance(outcome.error, TruncatedStreamError)
    (call,) = outcome.response.tool_calls
    assert not call.complete
    with pytest.raises(MalformedReplyError, match="incomplete"):
        _ = call.parsed


def test_white_space_after_a_complete_call_does_not_make_a_second_one():
    assert tools(piece(0, "a", "f", "{}"), piece(0, arguments=" \n"), piece(0, arguments="")) == (
        ToolCall("a", "f", "{} \n"),
    )


@pytest.mark.parametrize("function", [{"name": "f"}, {"name": "f", "arguments": None}, {"name": "f", "arguments": ""}])
def test_a_tool_without_parameters_may_be_called_without_arguments(function):
    call = {"id": "a", "type": "function", "function": function}
    for response in (
        good(whole(reply({"content": None, "tool_calls": [call]}, "tool_calls"))),
        good(streamed(chunk({"tool_calls": [{"index": 0, **call}]}), chunk(finish="tool_calls"))),
    ):
        assert response.tool_calls == (ToolCall("a", "f", ""),)
        assert response.tool_calls[0].parsed == {}


def test_arguments_that_the_server_has_parsed_are_written_again():
    call = {"id": "a", "function": {"name": "f", "arguments": {"x": "é"}}}
    assert good(whole(reply({"tool_calls": [call]}))).tool_calls == (ToolCall("a", "f", '{"x":"é"}'),)


def test_calls_of_a_whole_reply_are_as_many_as_it_lists_whatever_their_numbers():
    calls = [{"index": 0, "id": "", "function": {"name": "f", "arguments": "{}"}}] * 2
    assert good(whole(reply({"tool_calls": calls}))).tool_calls == (ToolCall("", "f", "{}"),) * 2


def test_calls_of_custom_tools():
    call = {"id": "a", "type": "custom", "custom": {"name": "f", "input": "x y"}}
    expected = (ToolCall("a", "f", "x y", custom=True),)
    assert good(whole(reply({"content": None, "tool_calls": [call]}, "tool_calls"))).tool_calls == expected
    first = {**call, "index": 0, "custom": {"name": "f", "input": "x "}}
    assert tools(first, {"index": 0, "custom": {"input": "y"}}) == expected


def test_an_empty_custom_part_beside_a_function_is_nothing():
    call = {**piece(0, "a", "f", "{}"), "custom": {"name": "", "input": ""}}
    assert good(whole(reply({"tool_calls": [call]}))).tool_calls == (ToolCall("a", "f", "{}"),)


def test_a_call_of_the_older_kind():
    expected = (ToolCall("", "f", '{"x":1}', extra={"type": "function_call"}),)
    function = {"name": "f", "arguments": '{"x":1}'}
    assert good(whole(reply({"content": None, "function_call": function}, "function_call"))).tool_calls == expected
    pieces = [{"name": "f", "arguments": ""}, {"arguments": '{"x"'}, {"arguments": ":1}"}]
    outcome = streamed(*(chunk({"function_call": one}) for one in pieces), chunk(finish="function_call"))
    assert good(outcome).tool_calls == expected
    assert outcome.response.finish == Finish("tool_calls", "function_call")


@pytest.mark.parametrize("function", [{"name": "", "arguments": ""}, {}, None, [], 5])
def test_an_empty_call_of_the_older_kind_is_nothing(function):
    assert good(whole(reply({"content": "a", "function_call": function}))).tool_calls == ()


def test_a_call_that_is_said_in_both_kinds_is_given_once():
    message = {"tool_calls": [piece(0, "a", "f", "{}")], "function_call": {"name": "f", "arguments": "{}"}}
    assert good(whole(reply(message))).tool_calls == (ToolCall("a", "f", "{}"),)


def test_the_signature_of_a_call_is_kept():
    signed = {**piece(0, "a", "f", "{}"), "extra_content": {"google": {"thought_signature": "s"}}}
    expected = (ToolCall("a", "f", "{}", extra={"extra_content": {"google": {"thought_signature": "s"}}}),)
    assert good(whole(reply({"tool_calls": [signed]}))).tool_calls == tools(signed) == expected


@pytest.mark.parametrize(
    ("finish", "unified"), [("stop", "tool_calls"), ("tool_calls", "tool_calls"), ("length", "length")]
)
def test_a_stop_while_calls_are_present_means_the_calls(finish, unified):
    call = piece(0, "a", "f", "{}")
    for outcome in (streamed(chunk({"tool_calls": [call]}, finish)), whole(reply({"tool_calls": [call]}, finish))):
        assert good(outcome).finish == Finish(unified, finish)
