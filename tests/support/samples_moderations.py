"""Replies to moderations, for the suite that every provider must pass."""

from __future__ import annotations

from jackfield.types import Image, Usage
from jackfield_jobs.moderations import ModerateRequest
from jackfield_testkit.conformance import Sample

CLEAN = {
    "flagged": False,
    "categories": {"harassment": False, "violence": False},
    "category_scores": {"harassment": 2e-6, "violence": 4e-6},
    "category_applied_input_types": {"harassment": ["text"], "violence": ["text", "image"]},
}
VIOLENT = {
    **CLEAN,
    "flagged": True,
    "categories": {"harassment": False, "violence": True},
    "category_scores": {"harassment": 0.2, "violence": 0.94},
}
BOTH = {"id": "modr-1", "model": "omni-moderation-latest", "results": [CLEAN, VIOLENT]}


def moderation_samples() -> list[Sample]:
    """Texts, and a content with a picture."""
    return [
        Sample(
            name="moderations",
            request=ModerateRequest(input=["Good morning.", "I'll kill you."]),
            reply=BOTH,
            says={"flagged": True, "results": lambda results: [one.found for one in results] == [(), ("violence",)]},
        ),
        Sample(
            name="moderation of a picture",
            request=ModerateRequest(input=["Look:", Image("https://example.com/a.png")]),
            reply={**BOTH, "results": [CLEAN], "usage": {"prompt_tokens": 7, "total_tokens": 7}},
            says={"flagged": False, "usage": Usage(7)},
        ),
    ]
