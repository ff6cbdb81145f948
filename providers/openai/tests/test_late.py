"""What few programs ask for is imported when one does, and is served like everything else."""

import subprocess
import sys

from jackfield_openai import OpenAIProvider, OpenAISettings
from jackfield_openai.later import LateOpenAI
from jackfield_wire_openai.provider import WireProvider


def test_a_chat_imports_nothing_of_files():
    program = (
        "import sys, jackfield as jf\n"
        "client = jf.Client({'default': 'openai', 'providers': {'openai': {'api_key': 'k'}}})\n"
        "account = client.provider('openai')\n"
        "before = [name for name in sys.modules if 'jackfield_jobs' in name]\n"
        "account.files\n"
        "print(before, 'jackfield_jobs.files' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True"


def test_it_tells_of_all_that_it_serves():
    provider = OpenAIProvider("openai", OpenAISettings(api_key="k"))
    late = LateOpenAI(provider)
    assert provider.operations >= {"chat", "files.upload", "uploads.part"}
    # what is not served by the one is by the other, and each says so of itself
    assert WireProvider.operations.fget(late) | provider.operations == provider.operations
    missing = provider.operations - {*late._methods} - {*provider._methods}
    assert not missing
    assert late.endpoint is provider.endpoint
