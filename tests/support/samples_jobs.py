"""Replies of OpenAI's API about jobs, for the suite that every provider must pass."""

from __future__ import annotations

import json
from typing import Any

from samples_openai import whole

from jackfield.operations import ChatRequest
from jackfield_jobs.batches import (
    BatchCancelRequest,
    BatchCreateRequest,
    BatchesRequest,
    BatchRequest,
    BatchResultsRequest,
)
from jackfield_openai.fine_tuning import (
    CheckpointsRequest,
    FineTuneRequest,
    FineTuningChangeRequest,
    FineTuningEventsRequest,
    FineTuningJobRequest,
    FineTuningJobsRequest,
)
from jackfield_openai.fine_tuning_beside import (
    GraderCheckRequest,
    GraderRunRequest,
    PermissionsRequest,
    PermitRequest,
    RevokeRequest,
)
from jackfield_testkit.conformance import Sample

JOB: dict[str, Any] = {
    "object": "fine_tuning.job",
    "id": "ftjob-1",
    "model": "gpt-4.1-mini-2025-04-14",
    "created_at": 1_750_424_715,
    "finished_at": None,
    "fine_tuned_model": None,
    "organization_id": "org-1",
    "result_files": [],
    "status": "validating_files",
    "validation_file": None,
    "training_file": "file-1",
    "hyperparameters": {"n_epochs": 10, "batch_size": 1, "learning_rate_multiplier": 2},
    "trained_tokens": None,
    "error": {},
    "seed": 836925998,
    "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 10}}},
}
EVENT = {
    "object": "fine_tuning.job.event",
    "id": "ftevent-1",
    "created_at": 1_692_901_133,
    "level": "info",
    "message": "Created fine-tune: ftjob-1",
    "data": None,
    "type": "message",
}
CHECKPOINT = {
    "object": "fine_tuning.job.checkpoint",
    "id": "ftckpt_1",
    "created_at": 1_721_764_867,
    "fine_tuned_model_checkpoint": "ft:gpt-4.1-mini:org::1:ckpt-step-2000",
    "metrics": {"full_valid_loss": 0.134},
    "fine_tuning_job_id": "ftjob-1",
    "step_number": 2000,
}


def listed(*items: Any, more: bool = False) -> dict[str, Any]:
    """A page of a list."""
    return {"object": "list", "data": [*items], "has_more": more}


def ids(*expected: str) -> Any:
    """Whether items have these ids."""
    return lambda items: tuple(item.id for item in items) == expected


def fine_tuning() -> list[Sample]:
    """One of each operation."""
    return [
        Sample(
            name="fine-tune",
            request=FineTuneRequest(
                model="gpt-4.1-mini",
                training_file="file-1",
                validation_file="file-2",
                method="supervised",
                hyperparameters={"n_epochs": 10},
                suffix="a",
                seed=5,
                integrations=[{"type": "wandb", "wandb": {"project": "p"}}],
                metadata={"a": "b"},
            ),
            reply=JOB,
            says={"job.id": "ftjob-1", "job.status": "validating_files", "job.error": None, "job.over": False},
        ),
        Sample(
            name="fine-tune-by-reinforcement",
            request=FineTuneRequest(
                model="o4-mini",
                training_file="file-1",
                method="reinforcement",
                grader={"type": "string_check", "name": "g"},
            ),
            reply=JOB,
            says={"job.seed": 836925998},
        ),
        Sample(
            name="fine-tuning-job",
            request=FineTuningJobRequest(job="ftjob-1"),
            reply={**JOB, "status": "failed", "error": {"code": "c", "message": "m", "param": None}},
            says={"job.error.code": "c", "job.error.message": "m", "job.over": True},
        ),
        Sample(
            name="fine-tuning-change",
            request=FineTuningChangeRequest(job="ftjob-1", change="cancel"),
            reply={**JOB, "status": "cancelled"},
            says={"job.status": "cancelled", "id": "ftjob-1"},
        ),
        Sample(
            name="fine-tuning-jobs",
            request=FineTuningJobsRequest(after="ftjob-0", limit=1, metadata={"a": "b"}),
            reply=listed(JOB, more=True),
            says={"items": ids("ftjob-1"), "next": "ftjob-1"},
        ),
        Sample(
            name="fine-tuning-events",
            request=FineTuningEventsRequest(job="ftjob-1", after="ftevent-0", limit=1),
            reply=listed(EVENT),
            says={"items": ids("ftevent-1"), "next": None},
        ),
        Sample(
            name="fine-tuning-checkpoints",
            request=CheckpointsRequest(job="ftjob-1", after="ftckpt_0", limit=1),
            reply=listed(CHECKPOINT),
            says={"items": ids("ftckpt_1"), "next": None},
        ),
    ]


def fine_tuning_beside() -> list[Sample]:
    """One of each operation for graders and permissions."""
    grader = {"type": "string_check", "name": "g", "input": "{{a}}", "reference": "{{b}}", "operation": "eq"}
    permission = {"object": "checkpoint.permission", "id": "cp_1", "created_at": 1_721_764_867, "project_id": "proj_1"}
    run = {"reward": 0.5, "sub_rewards": {"a": 0.5}, "metadata": {"errors": {"formula_parse_error": True}}}
    return [
        Sample(
            name="grade",
            request=GraderRunRequest(grader=grader, answer="yes", item={"b": "yes"}),
            reply=run,
            says={"reward": 0.5, "sub_rewards": {"a": 0.5}, "errors": ("formula_parse_error",)},
        ),
        Sample(
            name="check-grader",
            request=GraderCheckRequest(grader=grader),
            reply={"grader": grader},
            says={"grader": grader},
        ),
        Sample(
            name="permissions",
            request=PermissionsRequest(checkpoint="ft:a:ckpt-step-1", after="cp_0", limit=1),
            reply=listed(permission, more=True),
            says={"items": ids("cp_1"), "next": "cp_1"},
        ),
        Sample(
            name="permit",
            request=PermitRequest(checkpoint="ft:a:ckpt-step-1", projects=["proj_1"]),
            reply=listed(permission),
            says={"items": ids("cp_1"), "next": None},
        ),
        Sample(
            name="revoke",
            request=RevokeRequest(checkpoint="ft:a:ckpt-step-1", permission="cp_1"),
            reply={"object": "checkpoint.permission", "id": "cp_1", "deleted": True},
            says={"deleted": True, "id": "cp_1"},
        ),
    ]


BATCH: dict[str, Any] = {
    "id": "batch_1",
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "model": "gpt-4.1-mini-2025-04-14",
    "errors": None,
    "input_file_id": "file-1",
    "completion_window": "24h",
    "status": "completed",
    "output_file_id": "file-2",
    "error_file_id": "file-3",
    "created_at": 1_761_592_609,
    "in_progress_at": 1_761_592_610,
    "expires_at": 1_761_679_009,
    "completed_at": 1_761_592_700,
    "request_counts": {"total": 3, "completed": 2, "failed": 1},
    "metadata": {"a": "b"},
}
REPLY = whole({"content": "Hi, you"}, "stop")
RESULTS = b"".join(
    json.dumps({"id": "batch_req_1", "custom_id": name, "response": reply, "error": error}).encode() + b"\n"
    for name, reply, error in (
        ("a", {"status_code": 200, "request_id": "req_1", "body": REPLY}, None),
        ("b", {"status_code": 200, "request_id": "req_2", "body": REPLY}, None),
        ("c", None, {"code": "batch_expired", "message": "too late"}),
    )
)
JOB_WAIVERS = {
    "operation_has_a_sample[batches.write]": "nothing is sent",
    "truncation_is_an_error[batch-results-reply]": "between two lines, the number of results alone tells: see Batches",
    "truncation_is_an_error[batch-results-stream]": "between two lines, the number of results alone tells: see Batches",
    "twisted_reply_is_a_typed_error[batch-results-reply]": "a line that cannot be read is the outcome of one request",
    "twisted_reply_is_a_typed_error[batch-results-stream]": "a line that cannot be read is the outcome of one request",
}


def batches() -> list[Sample]:
    """One of each operation."""
    return [
        Sample(
            name="batch-create",
            request=BatchCreateRequest(
                endpoint="/v1/chat/completions", file="file-1", window="24h", metadata={"a": "b"}
            ),
            reply={**BATCH, "status": "validating"},
            says={"batch.id": "batch_1", "batch.status": "validating", "batch.over": False},
        ),
        Sample(
            name="batch",
            request=BatchRequest(batch="batch_1"),
            reply=BATCH,
            says={
                "batch.parts": ("file-2", "file-3"),
                "batch.total": 3,
                "batch.answered": 3,
                "batch.operation": "chat",
                "batch.over": True,
            },
        ),
        Sample(
            name="batches",
            request=BatchesRequest(after="batch_0", limit=1),
            reply=listed(BATCH, more=True),
            says={"items": ids("batch_1"), "next": "batch_1"},
        ),
        Sample(
            name="batch-cancel",
            request=BatchCancelRequest(batch="batch_1"),
            reply={**BATCH, "status": "cancelling"},
            says={"batch.status": "cancelling"},
        ),
        Sample(
            name="batch-results",
            request=BatchResultsRequest(
                part="file-2", endpoint="/v1/chat/completions", requests={"b": ChatRequest(messages="Hello")}
            ),
            reply=RESULTS,
            stream=RESULTS,
            content_type="application/octet-stream",
            stream_type="application/octet-stream",
            says={"count": 3},
        ),
    ]
