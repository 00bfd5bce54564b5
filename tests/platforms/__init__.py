"""The platforms of `make test-platforms`, other than the one that runs it."""

from .platform import Platform
from .windows import PLATFORMS as WINDOWS

ALL: list[Platform] = [*WINDOWS]
