"""Microsoft's .NET, as PyPI has it, and a compiler that takes its libraries instead of Mono's."""

import importlib.util
import pathlib

# What a program needs; the compiler does not look for them.
REFERENCES = [
    "System.Private.CoreLib", "System.Collections", "System.ComponentModel.Primitives", "System.Console", "System.Diagnostics.Process",
    "System.IO.FileSystem", "System.Linq", "System.Runtime", "System.Runtime.Extensions", "System.Runtime.InteropServices",
    "System.Runtime.InteropServices.RuntimeInformation", "System.Text.Encoding.Extensions", "System.Threading",
    "System.Threading.Tasks", "System.Threading.Thread",
]  # fmt: skip


def installed() -> pathlib.Path | None:
    """The folder of the package dotnetcore2 that is installed here, for this machine: tests/requirements.txt has it for x86-64."""
    found = importlib.util.find_spec("dotnetcore2")
    return pathlib.Path(found.origin).parent if found and found.origin else None


def compiler(package: pathlib.Path, mcs: str = "mcs") -> list[str]:
    """The beginning of a command that compiles C# for the .NET of such a folder."""
    (libraries,) = (package / "bin" / "shared" / "Microsoft.NETCore.App").iterdir()
    # mcs takes an assembly that two others refer to for two (1702).
    words = [mcs, "-warnaserror", "-nowarn:1702", "-nostdlib", "-noconfig", "-define:NETCOREAPP"]
    return [*words, *(f"-r:{libraries / name}.dll" for name in REFERENCES)]


def runtime(package: pathlib.Path) -> list[str]:
    """The beginning of a command that runs what was compiled for it."""
    (program,) = (package / "bin").glob("dotnet*")
    return [str(program), "exec", "--runtimeconfig", str(pathlib.Path(__file__).with_suffix(".json"))]
