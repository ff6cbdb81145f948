"""Graders that are tried alone, and who may use a checkpoint: by the accessor, and what is wrong."""

import json

import pytest

import jackfield as jf
from jackfield.errors import BadRequestError, MalformedReplyError, UnsupportedError
from jackfield.http import HttpResponse
from jackfield_openai.fine_tuning_beside import GraderRunRequest
from jackfield_testkit import FunctionNetwork

CONFIG = {"default": "openai", "providers": {"openai": {"api_key": "sk-test"}}}
GRADER = {"type": "string_check", "name": "g", "input": "{{a}}", "reference": "{{b}}", "operation": "eq"}
CHECKPOINT = "ft:gpt-4.1-mini:org::1:ckpt-step-100"
PATH = "/v1/fine_tuning/checkpoints/ft%3Agpt-4.1-mini%3Aorg%3A%3A1%3Ackpt-step-100/permissions"


def permission(number):
    return {
        "object": "checkpoint.permission",
        "id": f"cp_{number}",
        "project_id": f"proj_{number}",
        "created_at": number,
    }


class Service:
    """Answers as the API documents it, and keeps what it was asked."""

    def __init__(self, **replies):
        self.asked = []
        self.replies = replies

    def __call__(self, request):
        body = json.loads(request.body) if request.body else None
        self.asked.append((request.method, request.path, body))
        return HttpResponse(
            200, {"content-type": "application/json"}, json.dumps(self._answer(*self.asked[-1])).encode()
        )

    def _answer(self, method, path, body):
        if path in self.replies:
            return self.replies[path]
        match method, path.partition("?")[0].rpartition("/")[2]:
            case "POST", "run":
                return {"reward": 1.0 if body["model_sample"] == body["item"]["b"] else 0.0, "metadata": {"errors": {}}}
            case "POST", "validate":
                return {"grader": body["grader"]}
            case "POST", "permissions":
                data = [permission(number) for number, _ in enumerate(body["project_ids"])]
                return {"object": "list", "data": data, "has_more": False}
            case "GET", "permissions":
                last = path.endswith("after=cp_1")
                return {"object": "list", "data": [permission(2 if last else 1)], "has_more": not last}
        return {"object": "checkpoint.permission", "id": "cp_1", "deleted": True}


def made(service):
    client = jf.Client(CONFIG, transport=FunctionNetwork(service))
    return client, client.provider("openai").fine_tuning


def test_a_grader_is_tried_and_looked_at():
    client, tuning = made(service := Service())
    with client:
        assert tuning.grade(GRADER, "yes", {"b": "yes"}).reward == 1.0
        assert tuning.grade(GRADER, "no", {"b": "yes"}).errors == ()
        assert tuning.check_grader(GRADER).grader == GRADER
    assert service.asked[0][2] == {"grader": GRADER, "model_sample": "yes", "item": {"b": "yes"}}


def test_permissions_are_given_listed_and_taken_back():
    client, tuning = made(service := Service())
    with client:
        assert [one.project for one in tuning.permit(CHECKPOINT, "proj_0").items] == ["proj_0"]
        assert [(one.id, one.created) for one in tuning.permissions(CHECKPOINT)] == [("cp_1", 1.0), ("cp_2", 2.0)]
        assert tuning.revoke(CHECKPOINT, "cp_1").deleted is True
    assert service.asked[0] == ("POST", PATH, {"project_ids": ["proj_0"]})
    assert service.asked[-1] == ("DELETE", f"{PATH}/cp_1", None)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda tuning: tuning.grade("strict", "x"), "grader: expected a table with its `type`, got 'strict'"),
        (lambda tuning: tuning.check_grader({}), "grader: expected a table with its `type`"),
        (lambda tuning: tuning.permit(CHECKPOINT, []), "projects: expected the id of a project or several"),
        (lambda tuning: tuning.permit(CHECKPOINT, 5), "projects: expected the id of a project or several, got 5"),
        (lambda tuning: tuning.permit("", "p"), "checkpoint: expected the name of a checkpoint"),
        (lambda tuning: tuning.revoke(CHECKPOINT, ""), "permission: expected the id of a permission"),
        (lambda tuning: tuning.revoke("\ud800", "cp_1"), "checkpoint: .* has half a character"),
    ],
)
def test_what_is_wrong_is_known_before_a_byte_is_sent(call, says):
    client, tuning = made(service := Service())
    with client, pytest.raises(BadRequestError, match=says):
        call(tuning)
    assert service.asked == []


@pytest.mark.parametrize("payload", [{}, [], None, {"reward": "much", "grader": 5, "id": 5}])
@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda tuning: tuning.grade(GRADER, "x"), "/v1/fine_tuning/alpha/graders/run"),
        (lambda tuning: tuning.check_grader(GRADER), "/v1/fine_tuning/alpha/graders/validate"),
        (lambda tuning: tuning.permissions(CHECKPOINT).all(), PATH),
        (lambda tuning: tuning.revoke(CHECKPOINT, "cp_1"), f"{PATH}/cp_1"),
    ],
)
def test_what_is_no_answer_is_a_malformed_reply(call, path, payload):
    client, tuning = made(Service(**{path: payload}))
    with client, pytest.raises(MalformedReplyError, match="expected"):
        call(tuning)


def test_fields_that_have_no_place_are_reported():
    with jf.Client(CONFIG, transport=FunctionNetwork(Service())) as client:
        tuning = client.provider("openai").fine_tuning
        assert tuning.grade(GRADER, "a", {"b": "a"}).reward == 1.0
        request = GraderRunRequest(model="openai", grader=GRADER, answer="a", item={"b": "a"}, extra_body={"new": 1})
        assert client.call(request).reward == 1.0
        with pytest.raises(UnsupportedError, match="extra_body: the request has no body"):
            client.call(jf.ModelsRequest(model="openai", extra_body={"a": 1}))
