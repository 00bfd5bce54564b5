"""The clients of the benchmark: for each workload the clients, and how each is started."""

import dataclasses
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
PREFIX = pathlib.Path(os.environ["EIOT_TEST_PREFIX"])
BENCH = pathlib.Path(os.environ.get("EIOT_TEST_BENCH", HERE.parents[1] / "target" / "debug" / "eiot-bench"))
COMMAND = PREFIX / "bin" / "eiot"
PKG_CONFIG = pathlib.Path(sys.executable).with_name("pkgconf")
IN_FLIGHT = 32
WORKS = {
    "single": "Sequential calls",
    "threads": "Eight threads, sequential calls",
    "batch": f"{IN_FLIGHT} calls in flight on one thread",
}


@dataclasses.dataclass(frozen=True)
class Contender:
    """A client at one kind of work. Without a command it cannot take part, and `missing` says why."""

    name: str
    label: str
    command: tuple[str, ...] | None
    missing: str = ""
    ours: bool = False
    turns: bool = True
    """Whether it takes turns as one process, or is restarted for each turn."""


def compiled(work: pathlib.Path, name: str, flags: list[str]) -> str:
    """A C program, compiled as a user would."""
    output = work / name
    command = [
        *os.environ["EIOT_TEST_CC"].split(),
        "-O2",
        "-std=gnu99",
        "-pthread",
        f"-I{PREFIX / 'include'}",
    ]
    subprocess.run([*command, "-o", output, HERE / f"{name}.c", *flags], check=True)
    return str(output)


def flags_of(command: list[str], environment: dict[str, str] | None = None) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.split()


def programs(work: pathlib.Path) -> dict[str, str]:
    """The C programs that can be made here."""
    environment = os.environ | {"PKG_CONFIG_PATH": str(PREFIX / "lib" / "pkgconfig")}
    eiot = flags_of([str(PKG_CONFIG), "--cflags", "--libs", "eiot"], environment)
    made = {"eiot": compiled(work, "eiot", eiot)}
    if shutil.which("curl-config"):
        made["libcurl"] = compiled(work, "libcurl", flags_of(["curl-config", "--cflags", "--libs"]))
    return made


def contenders(work: str, made: dict[str, str]) -> list[Contender]:
    """The clients of this workload, ours first, the limit last."""
    how = (work, str(IN_FLIGHT)) if work == "batch" else (work,)

    def ours_in_c(label: str) -> Contender:
        return Contender("c", label, (made["eiot"], *how), ours=True)

    def libcurl(label: str) -> Contender:
        found = made.get("libcurl")
        missing = "" if found else "needs libcurl's development files (on Debian: libcurl4-openssl-dev)"
        return Contender("libcurl", label, (found, *how) if found else None, missing)

    def python(library: str, label: str | None = None) -> Contender:
        found = importlib.util.find_spec(library)
        missing = "" if found else f"the Python package {library} is not installed"
        command = (sys.executable, str(HERE / "client.py"), library, *how) if found else None
        name = "python" if library == "eiot" else library
        return Contender(name, label or f"{library} (Python)", command, missing, ours=library == "eiot")

    def rust(kind: str, label: str) -> Contender:
        command = (str(BENCH), f"{kind}-{how[0]}", *how[1:])
        return Contender(kind, label, command, ours=kind == "rust")

    match work:
        case "single":
            return [
                rust("rust", "eiot from Rust"),
                ours_in_c("eiot from C"),
                python("eiot", "eiot from Python"),
                libcurl("libcurl, easy handle (C)"),
                rust("reqwest", "reqwest::blocking (Rust)"),
                *(python(library) for library in ("pycurl", "aiohttp", "httpx", "requests")),
                rust("socket", "a bare TLS socket"),
            ]
        case "threads":
            return [
                ours_in_c("eiot from C, one client"),
                libcurl("libcurl, a handle a thread (C)"),
            ]
        case "batch":
            command = (str(COMMAND), "refresh", "--quiet", "--concurrency", str(IN_FLIGHT), "--from")
            return [
                rust("rust", "eiot from Rust"),
                ours_in_c("eiot from C"),
                python("eiot", "eiot from Python"),
                Contender("command", "the eiot command, its start included", command, ours=True, turns=False),
                libcurl("libcurl, multi interface (C)"),
                python("aiohttp"),
                rust("socket", f"{IN_FLIGHT} bare TLS sockets"),
            ]
    raise ValueError(work)
