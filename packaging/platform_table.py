"""The platforms of packaging/platforms.txt."""

import dataclasses
import pathlib
import platform


@dataclasses.dataclass(frozen=True)
class Platform:
    """One line of the table; None stands for "-"."""

    name: str
    """What `make dist PLATFORMS=…` calls it, and what the names of archives contain."""
    target: str
    """Rust's name."""
    zig: str | None
    """zig's name, with the version of glibc."""
    wheel: str | None
    """The tags of the wheel, without the processor."""
    processor: str | None
    """nfpm's name of the processor."""
    npm: str | None
    """The npm package that carries the library ends in this."""
    nuget: str | None
    """The folder in a NuGet package, which .NET calls runtime identifier."""
    jna: str | None
    """The folder in a Java archive where JNA looks."""

    @property
    def machine(self) -> str:
        return self.target.split("-")[0]

    @property
    def is_musl(self) -> bool:
        return "musl" in self.target

    @property
    def is_windows(self) -> bool:
        return "windows" in self.target


def _read() -> list[Platform]:
    text = pathlib.Path(__file__).with_name("platforms.txt").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return [Platform(*(None if word == "-" else word for word in words)) for words in lines]


ALL = _read()
BY_NAME = {one.name: one for one in ALL}
THIS = f"linux-{platform.machine().replace('armv7l', 'armv7')}"
