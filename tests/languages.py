"""The language bindings of libeiot: one folder in bindings/ and one entry here each."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys

import dotnet

ROOT = pathlib.Path(__file__).parents[1]
PREFIX = pathlib.Path(os.environ["EIOT_TEST_PREFIX"])
BUILD = pathlib.Path(os.environ.get("EIOT_TEST_BINDINGS", ROOT / "build" / "bindings"))
JNA = pathlib.Path("/usr/share/java/jna.jar")

# The functions that wrappers do not use, with the reason.
NOT_FOR_WRAPPERS = {
    "eiot_refresh_usage": "eiot_refresh_usage_n does the same, with a length",
    "eiot_client_refresh_usage": "eiot_client_refresh_usage_with_cancel does the same, and takes NULL",
    "eiot_client_refresh_many": "results come from eiot_batch_next, by which a loop can end early without a callback",
    "eiot_error_status": "every function returns it too",
    "eiot_status_message": "errors carry the whole message",
    "eiot_status_name": "kinds have one name in all languages, eiot_status_kind",
    "eiot_delivered_name": "where the language has an enumeration of its own",
    "eiot_version_number": "eiot_version is enough",
    "eiot_eid_validate": "every call validates",
    "eiot_error_body": "COBOL has no fields for the response",
    "eiot_error_header": "COBOL has no fields for the response",
    "eiot_error_header_name": "COBOL has no fields for the response",
    "eiot_copy_padded": "for fields of fixed width",
    "eiot_config_set_log": "a function of the host that is called from C, on any thread: not every language can have that",
    "eiot_config_set_event_callback": "as eiot_config_set_log",
    "eiot_event_json": "as eiot_config_set_log",
    "eiot_refresh_usage_to_buffer": "eiot_refresh_usage_n gives an error with all its fields",
    "eiot_result_status": "its error has the status too",
    "eiot_result_was_sent": "attempts and delivered of an error say it",
    "eiot_batch_pending": "the loop waits",
    "eiot_batch_in_flight": "the loop waits",
    "eiot_batch_submitted": "the loop counts",
    "eiot_batch_count": "the loop counts",
    "eiot_batch_duplicates": "the loop counts",
    "eiot_batch_stop": "leaving the loop ends the batch",
    "eiot_cancel_new": "where calls are ended by their timeout only",
    "eiot_cancel_trigger": "where calls are ended by their timeout only",
    "eiot_cancel_free": "where calls are ended by their timeout only",
}

# The fields of an event, all of which are in its JSON.
NOT_FOR_WRAPPERS |= {
    f"eiot_event_{field}": "eiot_event_json has all fields"
    for field in (
        "attempt", "delivered", "duration_ms", "eid", "http_status", "message", "next_wait_ms", "nonce", "path", "platform_code",
        "status", "timestamp",
    )
}  # fmt: skip


# The languages that were built in this run of the tests.
_MADE = set()


@dataclasses.dataclass
class Language:
    """How to build and run the programs of one language; {build} and {root} are placeholders for folders in all commands."""

    name: str
    wrapper: str
    """The one file, below bindings/<name>/."""
    needs: dict[str, str]
    """The requirements (a command, a file, or a command line that succeeds), each with its Debian package."""
    build: list[list[str]]
    driver: list[str]
    example: list[str]
    own_tests: list[str] = dataclasses.field(default_factory=list)
    """A command that runs the language's own tests."""
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    bytes_as_eids: bool = True
    """Whether strings in this language can hold any bytes."""
    has_threads: bool = False
    growth_kib: int = 24
    """How much memory may grow between the 300th and the 1,000th call: next to nothing where no collector runs."""
    finds_library_by: tuple[str, ...] = ("ldconfig", "LD_LIBRARY_PATH", "EIOT_LIBRARY")
    """What the error for a missing library says to use."""
    has_events: bool = False
    """Whether the wrapper has callbacks, for lines of the log and for events."""
    is_linked: bool = False
    """Whether programs are linked with the library, which the system then loads before any code of the wrapper runs."""
    can_cancel: bool = False
    """Whether the wrapper can cancel a call."""
    of: str = ""
    """The language of which this is another runtime, if it is one; the wrapper is in that one's folder."""

    @property
    def folder(self):
        return ROOT / "bindings" / (self.of or self.name)

    @property
    def output(self):
        return BUILD / self.name

    def filled(self, words):
        places = {"build": self.output, "root": ROOT, "prefix": PREFIX, "jna": JNA, "pkgconf": _pkgconf()}
        return [word.format(**places) for word in words]

    def missing(self):
        """Why it cannot be run here; empty if it can."""
        absent = {package: need for need, package in self.needs.items() if not _is_there(need)}
        if absent:
            return f"no {', '.join(absent.values())} (make setup-bindings, or apt-get install {' '.join(absent)})"
        return None

    def variables(self):
        paths = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", str(self.output)),
            "LANG": "C.UTF-8",
            "LD_LIBRARY_PATH": str(PREFIX / "lib"),
            "PKG_CONFIG_PATH": str(PREFIX / "lib" / "pkgconfig"),
            "PKG_CONFIG": _pkgconf(),
        }
        return paths | {name: value for name, value in zip(self.environment, self.filled(self.environment.values()))}

    def make(self):
        """Builds the programs; the output of the compilers is shown if they fail or warn."""
        shutil.rmtree(self.output, ignore_errors=True)
        self.output.mkdir(parents=True)
        for command in self.build:
            done = subprocess.run(
                self.filled(command), env=self.variables(), cwd=self.folder, capture_output=True, text=True, timeout=600
            )
            assert done.returncode == 0, f"{self.name}: {done.args}\n{done.stdout}\n{done.stderr}"
        _MADE.add(self.name)

    def make_once(self):
        """The same, unless it has been done in this run of the tests."""
        if self.name not in _MADE:
            self.make()


def _is_there(need):
    if need.startswith("/"):
        return pathlib.Path(need).exists()
    if " " in need:
        return subprocess.run(need, shell=True, capture_output=True).returncode == 0
    return shutil.which(need) is not None


def _pkgconf():
    return str(pathlib.Path(sys.executable).with_name("pkgconf"))


LANGUAGES = {
    language.name: language
    for language in [
        Language(
            name="java",
            wrapper="src/club/eiot/Eiot.java",
            needs={"javac": "default-jdk-headless", str(JNA): "libjna-java"},
            build=[
                # "options" would say from Java 21 on that Java 8 is old.
                ["javac", "-Xlint:all,-options", "-Werror", "--release", "8", "-encoding", "UTF-8", "-cp", "{jna}", "-d", "{build}",
                 "src/club/eiot/Eiot.java", "example/Refresh.java"],
                ["javac", "-Xlint:all", "-Werror", "--release", "11", "-encoding", "UTF-8", "-cp", "{jna}:{build}", "-d", "{build}",
                 "test/Driver.java", "test/Lifetimes.java"],
            ],
            driver=["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp", "{build}:{jna}", "Driver"],
            example=["java", "-Dfile.encoding=UTF-8", "-cp", "{build}:{jna}", "Refresh"],
            own_tests=["java", "-cp", "{build}:{jna}", "Lifetimes"],
            bytes_as_eids=False,
            has_threads=True,
            can_cancel=True,
            has_events=True,
            growth_kib=16384,
        ),
        Language(
            name="csharp",
            wrapper="Eiot.cs",
            needs={"mcs": "mono-mcs", "mono": "mono-runtime"},
            build=[
                ["mcs", "-warnaserror", "-out:{build}/Driver.exe", "Eiot.cs", "test/Driver.cs"],
                ["mcs", "-warnaserror", "-out:{build}/Refresh.exe", "Eiot.cs", "example/Refresh.cs"],
                ["mcs", "-warnaserror", "-out:{build}/Lifetimes.exe", "Eiot.cs", "test/Lifetimes.cs"],
            ],
            driver=["mono", "{build}/Driver.exe"],
            example=["mono", "{build}/Refresh.exe"],
            own_tests=["mono", "{build}/Lifetimes.exe"],
            finds_library_by=("ldconfig", "LD_LIBRARY_PATH", "beside the program"),
            bytes_as_eids=False,
            has_threads=True,
            can_cancel=True,
            has_events=True,
            growth_kib=2048,
        ),
        Language(
            name="go",
            wrapper="eiot.go",
            needs={"go": "golang-go", "cc": "gcc"},
            build=[
                ["go", "vet", "./..."],
                ["go", "build", "-o", "{build}/driver", "./test"],
                ["go", "build", "-o", "{build}/refresh", "./example"],
            ],
            driver=["{build}/driver"],
            example=["{build}/refresh"],
            own_tests=["go", "test", "-race", "-count=1", "."],
            environment={"GOCACHE": "{build}/cache", "GOFLAGS": "-mod=mod", "GOPROXY": "off"},
            has_threads=True,
            is_linked=True,
            can_cancel=True,
            has_events=True,
            # The collector's first cycle begins when the heap has 4 MiB, which takes 1,500 calls.
            growth_kib=4096,
        ),
        Language(
            name="php",
            wrapper="Eiot.php",
            needs={"php": "php-cli", "php -m | grep -q FFI": "php-cli"},
            build=[],
            driver=["php", "-d", "ffi.enable=true", "{root}/bindings/php/test/driver.php"],
            example=["php", "-d", "ffi.enable=true", "{root}/bindings/php/example/refresh.php"],
            has_events=True,
            growth_kib=512,
        ),
        Language(
            name="perl",
            wrapper="lib/Eiot.pm",
            needs={"perl": "perl", "perl -MFFI::Platypus -e 1": "libffi-platypus-perl"},
            build=[["perl", "-Ilib", "-c", "lib/Eiot.pm"]],
            driver=["perl", "-I{root}/bindings/perl/lib", "{root}/bindings/perl/test/driver.pl"],
            example=["perl", "-I{root}/bindings/perl/lib", "{root}/bindings/perl/example/refresh.pl"],
            bytes_as_eids=False,
        ),
        Language(
            name="node",
            wrapper="eiot.js",
            needs={"node": "nodejs", "npm": "npm"},
            build=[
                ["cp", "package.json", "package-lock.json", "{build}"],
                ["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", "{build}"],
            ],
            driver=["node", "{root}/bindings/node/test/driver.js"],
            example=["node", "{root}/bindings/node/example/refresh.js"],
            own_tests=["node", "--test", "test/eiot.test.js"],
            environment={
                "NODE_PATH": "{build}/node_modules",
                # As npm would have them from Debian, whose authorities may be more than its own.
                "NODE_EXTRA_CA_CERTS": "/etc/ssl/certs/ca-certificates.crt",
            },
            bytes_as_eids=False,
            can_cancel=True,
            growth_kib=8192,
        ),
        Language(
            name="pascal",
            wrapper="Eiot.pas",
            needs={"fpc": "fp-compiler"},
            build=[
                ["fpc", "-l-", "-v0ew", "-Sew", "-FU{build}", "-FE{build}", "-Fu.", "-odriver", "test/Driver.pas"],
                ["fpc", "-l-", "-v0ew", "-Sew", "-FU{build}", "-FE{build}", "-Fu.", "-orefresh", "example/Refresh.pas"],
            ],
            driver=["{build}/driver"],
            example=["{build}/refresh"],
            has_threads=True,
            can_cancel=True,
            has_events=True,
            # The heap grows by blocks of 32 KiB at first, and of up to 256 KiB. Over 10,000 calls it grows no further.
            growth_kib=512,
        ),
        Language(
            name="cobol",
            wrapper="eiot.cob",
            needs={"cobc": "gnucobol", "cc": "gcc"},
            build=[
                ["cobc", "-Wall", "-Werror", "-x", "-o", "{build}/driver", "test/driver.cob", "eiot.cob",
                 "-L{prefix}/lib", "-leiot"],
                ["cobc", "-Wall", "-Werror", "-x", "-o", "{build}/refresh", "example/refresh.cob", "eiot.cob",
                 "-L{prefix}/lib", "-leiot"],
            ],
            driver=["{build}/driver"],
            example=["{build}/refresh"],
            is_linked=True,
        ),
    ]
}  # fmt: skip

# The C# of Mono is .NET Framework's; this is the other one.
if _DOTNET := dotnet.installed():
    LANGUAGES["dotnet"] = dataclasses.replace(
        LANGUAGES["csharp"],
        name="dotnet",
        of="csharp",
        needs={"mcs": "mono-mcs"},
        # In bytes, as hexadecimal digits: the collector would otherwise begin when as much is used as the processor's cache has.
        environment={"COMPlus_GCgen0size": "40000"},
        build=[
            [*dotnet.compiler(_DOTNET), f"-out:{{build}}/{program}.exe", "Eiot.cs", f"{folder}/{program}.cs"]
            for program, folder in {"Driver": "test", "Refresh": "example", "Lifetimes": "test"}.items()
        ],
        **{
            command: [*dotnet.runtime(_DOTNET), f"{{build}}/{program}.exe"]
            for command, program in {"driver": "Driver", "example": "Refresh", "own_tests": "Lifetimes"}.items()
        },
    )
