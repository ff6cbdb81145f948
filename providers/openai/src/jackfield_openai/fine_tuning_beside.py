"""What OpenAI has beside fine-tuning jobs: graders that are tried alone, and who may use a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from attrs import field, frozen

from jackfield.call import Call
from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.http import HttpRequest
from jackfield.operations import Operation, Request, Response
from jackfield.provider import Exchange, serves
from jackfield.types import Event
from jackfield_jobs.checks import is_id, within
from jackfield_jobs.told import Listed, told
from jackfield_wire_openai.destination import put
from jackfield_wire_openai.errors import said
from jackfield_wire_openai.models import part_of_path
from jackfield_wire_openai.provider import WireProvider
from jackfield_wire_openai.reading import fact

from .lists import answer, number, page, query

__all__ = ["BesideExchanges", "CheckpointPermission", "GraderCheckRequest", "GraderCheckResponse", "GraderRunRequest"]
__all__ += ["GraderRunResponse", "PermissionsRequest", "PermitRequest", "RevokeRequest", "RevokeResponse"]

GRADERS: Final = "/fine_tuning/alpha/graders"
CHECKPOINT: Final = "the name of a checkpoint, as 'ft:...:ckpt-step-100'"
MOST_PAGE: Final = 100


@frozen(kw_only=True)
class CheckpointPermission:
    """That a project may use a checkpoint.

    Attributes:
        id: its id.
        project: the id of the project.
        created: when it was given, in seconds since 1970.
        raw: all that the service says of it; it takes no part in equality.
    """

    id: str
    project: str | None = None
    created: float | None = None
    raw: Any = field(default=None, eq=False, repr=False)


@frozen(kw_only=True, repr=False)
class GraderRunResponse(Response):
    """What a grader makes of an answer.

    Attributes:
        reward: how good it finds it.
        sub_rewards: the same by each grader that it is made of.
        errors: what went wrong, by the service's names; empty where nothing did.
        metadata: what else the service tells of the run.
    """

    reward: float | None = None
    sub_rewards: Mapping[str, Any] = field(factory=dict)
    errors: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, repr=False)
class GraderCheckResponse(Response):
    """A grader that the service can use, as it tells it."""

    grader: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, repr=False)
class RevokeResponse(Response):
    """Whether a permission is gone."""

    deleted: bool | None = None


def _table(_: object, attribute: Any, value: Any) -> None:
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
        raise BadRequestError(f"{attribute.name}: expected a table with its `type`, got {value!r:.200}")


def _projects(value: Any) -> tuple[str, ...]:
    found = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else ()
    if not found or not all(isinstance(one, str) and one for one in found):
        raise BadRequestError(f"projects: expected the id of a project or several, got {value!r:.200}")
    return found


@frozen(kw_only=True)
class GraderRunRequest(Request[Event, GraderRunResponse]):
    """A request to try a grader on an answer.

    Attributes:
        grader: the grader, as the API has it.
        answer: what a model has answered.
        item: the facts that the grader looks at, as `item` in its templates.
    """

    operation: ClassVar[Operation[Any, Any]] = told("fine_tuning.grade", GraderRunResponse)

    grader: Mapping[str, Any] = field(validator=_table)
    answer: str
    item: Mapping[str, Any] | None = None


@frozen(kw_only=True)
class GraderCheckRequest(Request[Event, GraderCheckResponse]):
    """A request whether the service can use a grader."""

    operation: ClassVar[Operation[Any, Any]] = told("fine_tuning.check_grader", GraderCheckResponse)

    grader: Mapping[str, Any] = field(validator=_table)


@frozen(kw_only=True)
class PermissionsRequest(Request[Event, Listed]):
    """A request for a page of the permissions for a checkpoint."""

    operation: ClassVar[Operation[Any, Any]] = told("fine_tuning.permissions", Listed)

    checkpoint: str = field(validator=is_id(CHECKPOINT))
    after: str | None = None
    limit: int | None = field(default=None, validator=within(1, MOST_PAGE))


@frozen(kw_only=True)
class PermitRequest(Request[Event, Listed]):
    """A request to let projects use a checkpoint; it takes a key that administers the organization."""

    operation: ClassVar[Operation[Any, Any]] = told("fine_tuning.permit", Listed, repeatable=False)

    checkpoint: str = field(validator=is_id(CHECKPOINT))
    projects: tuple[str, ...] = field(converter=_projects)


@frozen(kw_only=True)
class RevokeRequest(Request[Event, RevokeResponse]):
    """A request to take a permission back."""

    operation: ClassVar[Operation[Any, Any]] = told("fine_tuning.revoke", RevokeResponse, repeatable=False)

    checkpoint: str = field(validator=is_id(CHECKPOINT))
    permission: str = field(validator=is_id("the id of a permission, as 'cp_...'"))


class BesideExchanges(WireProvider):
    """The exchanges of a provider for graders and permissions."""

    @serves(GraderRunRequest.operation)
    def grade(self, call: Call[GraderRunRequest]) -> Exchange[Event]:
        """POST /fine_tuning/alpha/graders/run."""
        body = self._beside(call, {"grader": "grader", "answer": "model_sample", "item": "item"})
        head = yield self.post(f"{GRADERS}/run", body)
        return answer(head, _graded)

    @serves(GraderCheckRequest.operation)
    def check_grader(self, call: Call[GraderCheckRequest]) -> Exchange[Event]:
        """POST /fine_tuning/alpha/graders/validate."""
        head = yield self.post(f"{GRADERS}/validate", self._beside(call, {"grader": "grader"}))
        return answer(head, _checked)

    @serves(PermissionsRequest.operation)
    def permissions(self, call: Call[PermissionsRequest]) -> Exchange[Event]:
        """GET /fine_tuning/checkpoints/{checkpoint}/permissions."""
        self.report_all(call, "checkpoint", "after", "limit")
        path = query(_path(call.request.checkpoint), after=call.request.after, limit=call.request.limit)
        head = yield self.get(path)
        return answer(head, page(read_permission))

    @serves(PermitRequest.operation)
    def permit(self, call: Call[PermitRequest]) -> Exchange[Event]:
        """POST /fine_tuning/checkpoints/{checkpoint}/permissions."""
        path = _path(call.request.checkpoint)
        head = yield self.post(path, self._beside(call, {"projects": "project_ids"}, "checkpoint"))
        return answer(head, page(read_permission))

    @serves(RevokeRequest.operation)
    def revoke(self, call: Call[RevokeRequest]) -> Exchange[Event]:
        """DELETE /fine_tuning/checkpoints/{checkpoint}/permissions/{permission}."""
        self.report_all(call, "checkpoint", "permission")
        path = f"{_path(call.request.checkpoint)}/{part_of_path(call.request.permission, field='permission')}"
        head = yield HttpRequest("DELETE", path, {"accept": "application/json"})
        return answer(head, _revoked)

    def _beside(self, call: Call[Any], names: Mapping[str, str], *taken: str) -> dict[str, Any]:
        fields = self.fields(call)
        for name in taken:
            fields.take(name)
        body = {wire: value for name, wire in names.items() if (value := fields.take(name)) is not None}
        put(body, call.request.options.get(self.plugin), f"options.{self.plugin}")
        put(body, fields.take("extra_body"), "extra_body")
        fields.report_rest()
        return body


def _path(checkpoint: str) -> str:
    return f"/fine_tuning/checkpoints/{part_of_path(checkpoint, field='checkpoint')}/permissions"


def read_permission(item: Mapping[str, Any]) -> CheckpointPermission | None:
    """A permission; None where it has no id."""
    name = fact(item, "id", str)
    if not name:
        return None
    return CheckpointPermission(
        id=name, project=fact(item, "project_id", str), created=number(item, "created_at"), raw=item
    )


def _graded(payload: Any) -> dict[str, Any]:
    reward = number(payload, "reward") if isinstance(payload, Mapping) else None
    if reward is None:
        raise MalformedReplyError(f"reward: expected a number: {said(payload)}", body=payload)
    metadata = fact(payload, "metadata", dict) or {}
    wrong = fact(metadata, "errors", dict) or {}
    return {
        "reward": reward,
        "sub_rewards": fact(payload, "sub_rewards", dict) or {},
        "errors": tuple(name for name, one in wrong.items() if one is True),
        "metadata": metadata,
    }


def _checked(payload: Any) -> dict[str, Any]:
    grader = fact(payload, "grader", dict) if isinstance(payload, Mapping) else None
    if grader is None:
        raise MalformedReplyError(f"grader: expected a table: {said(payload)}", body=payload)
    return {"grader": grader}


def _revoked(payload: Any) -> dict[str, Any]:
    name = fact(payload, "id", str) if isinstance(payload, Mapping) else None
    if name is None:
        raise MalformedReplyError(f"id: expected that of a permission: {said(payload)}", body=payload)
    return {"id": name, "deleted": fact(payload, "deleted", bool)}
