"""The provider keeps what every provider must; see the testkit."""

import pytest

pytest.importorskip("jackfield_testkit")

import samples_responses
from samples_jobs import JOB_WAIVERS, batches, fine_tuning, fine_tuning_beside
from samples_moderations import moderation_samples
from samples_openai import REFUSALS, samples
from samples_openai_files import FILE_REFUSALS, file_samples

from jackfield_testkit.conformance import SECRET, ProviderConformance


class TestOpenAI(ProviderConformance):
    plugin = "openai"
    settings = {"api_key": SECRET}
    samples = [*samples(), *file_samples(), *fine_tuning(), *fine_tuning_beside(), *batches(), *moderation_samples()]
    refusals = [*REFUSALS, *FILE_REFUSALS]
    waivers = {
        "twisted_reply_is_a_typed_error[file-content-reply]": "the content of a file is bytes of any kind",
        "twisted_reply_is_a_typed_error[file-stream-stream]": "the content of a file is bytes of any kind",
        "cuts_change_nothing[file-stream-stream]": "the pieces of a file are those that the network gives",
        "calls_side_by_side_share_nothing[file-stream-stream]": "the pieces of a file are those that the network gives",
        **JOB_WAIVERS,
    }


class TestOpenAIOverResponses(ProviderConformance):
    plugin = "openai"
    settings = {"api_key": SECRET, "api": "responses"}
    samples = samples_responses.samples()
    refusals = samples_responses.REFUSALS
    waivers = {"operation_has_a_sample": "what has no part in chats is in the suite above"}
