"""What every test of the workspace shares."""

from hypothesis import HealthCheck, settings

# no test asserts a time: the machines that run them are noisy
settings.register_profile("jackfield", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("jackfield")
