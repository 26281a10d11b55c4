"""Markets in threads of the test process, which can be killed and started again."""

from tests.jobs.conftest import marketplace

__all__ = ["marketplace"]
