"""What every test of the workspace shares."""

import os

from hypothesis import HealthCheck, settings

# the folder of recordings names this variable too, which the library would refuse as one that sets nothing
if named := os.environ.pop("JACKFIELD_WIRE", None):
    os.environ.setdefault("JACKFIELD_TEST_WIRE", named)

# no test asserts a time: the machines that run them are noisy
settings.register_profile("jackfield", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("jackfield")
