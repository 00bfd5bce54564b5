"""macOS, which is compiled only: linking takes Apple's SDK, and running takes a Mac."""

from . import zig
from .platform import Platform


class MacOS(Platform):
    """macOS on a processor."""

    def prepare(self) -> None:
        """Checks all crates. zig has the headers of the system's C library, for the C code in crates."""
        python = {"PYO3_NO_PYTHON": "1", "PYO3_BUILD_EXTENSION_MODULE": "1"}
        zig.cargo("check", self.target, "eiot-ffi", "eiot-cli", "eiot-sim", "eiot-python", **python)


PLATFORMS: list[Platform] = [
    MacOS("macos-aarch64", "aarch64-apple-darwin", tests=[]),
    MacOS("macos-x86_64", "x86_64-apple-darwin", tests=[]),
]
