"""The platforms of `make test-platforms`, other than the one that runs it."""

from .linux import PLATFORMS as LINUX
from .macos import PLATFORMS as MACOS
from .platform import Platform
from .windows import PLATFORMS as WINDOWS

ALL: list[Platform] = [*WINDOWS, *LINUX, *MACOS]
