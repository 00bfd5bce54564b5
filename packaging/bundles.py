"""Makes the packages of other languages that carry the library, from the trees that `make dist` has made: one of npm per platform and one
of the wrapper, which depends on them; one of NuGet, and one Java archive, with the libraries of all platforms.

Usage: bundles.py VERSION ABI DIRECTORY. The names are those of packaging/names.txt. Takes SOURCE_DATE_EPOCH from its caller.
"""

import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

from names import NAMES
from platform_table import ALL, Platform

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINDINGS = ROOT / "bindings"
WHEN = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))


def library_of(platform: Platform, version: str, abi: str, directory: pathlib.Path) -> tuple[str, bytes] | None:
    """The shared library of a platform, by the name that the wrappers load; None if it was not made."""
    tree = directory / f"eiot-{version}-{platform.name}"
    for place, name in ((f"lib/libeiot.so.{version}", f"libeiot.so.{abi}"), ("bin/eiot.dll", "eiot.dll"), (f"lib/libeiot.{abi}.dylib", f"libeiot.{abi}.dylib")):
        if (tree / place).is_file():
            return name, (tree / place).read_bytes()
    return None


def tarball(output: pathlib.Path, files: dict[str, bytes]) -> None:
    """An archive as `npm pack` makes it; the same files give the same bytes."""
    with tempfile.TemporaryFile() as unpacked:
        with tarfile.open(fileobj=unpacked, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, content in sorted(files.items()):
                member = tarfile.TarInfo(f"package/{name}")
                member.size, member.mtime, member.mode = len(content), WHEN, 0o644
                archive.addfile(member, io.BytesIO(content))
        unpacked.seek(0)
        packed = subprocess.run(["gzip", "-n9"], stdin=unpacked, capture_output=True, check=True).stdout
    output.write_bytes(packed)


def archive(output: pathlib.Path, files: dict[str, bytes]) -> None:
    """A zip; the same files give the same bytes. The first file stays first, as Java and NuGet want it."""
    # The format begins in 1980.
    when = time.gmtime(max(WHEN, 315532800))[:6]
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as opened:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, when)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            opened.writestr(member, content)


def text(path: str) -> bytes:
    return (ROOT / path).read_bytes()


def npm(version: str, libraries: dict[Platform, tuple[str, bytes]], directory: pathlib.Path) -> None:
    """The wrapper, and a package per platform, of which npm installs the one that fits."""
    base = json.loads(text("bindings/node/package.json"))
    common = {key: base[key] for key in ("version", "license")}
    optional = {}
    for platform, (name, content) in libraries.items():
        system, processor, *libc = platform.npm.split("-")
        about = {"name": f"{NAMES['npm']}-{platform.npm}", **common, "description": f"libeiot for {platform.npm}", "os": [system], "cpu": [processor]}
        if system == "linux":
            about["libc"] = ["musl" if libc else "glibc"]
        files = {"package.json": about, name: content, "LICENSE": text("LICENSE")}
        tarball(directory / f"{file_name(about['name'])}-{version}.tgz", {name: as_json(value) for name, value in files.items()})
        optional[about["name"]] = version
    about = base | {"name": NAMES["npm"], "optionalDependencies": dict(sorted(optional.items()))}
    del about["private"]
    files = {name: text(f"bindings/node/{name}") for name in base["files"]} | {"package.json": as_json(about), "LICENSE": text("LICENSE")}
    tarball(directory / f"{file_name(NAMES['npm'])}-{version}.tgz", files)


def as_json(value: dict | bytes) -> bytes:
    return value if isinstance(value, bytes) else (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def file_name(package: str) -> str:
    """As npm names the archive of a package that may have a scope."""
    return package.removeprefix("@").replace("/", "-")


NUSPEC = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
  <metadata>
    <id>{id}</id>
    <version>{version}</version>
    <authors>The eiot authors</authors>
    <license type="expression">MIT</license>
    <readme>README.md</readme>
    <description>Refresh the package usage of EIOTCLUB cloud eSIM cards: Eiot.cs, which is compiled into your program, and libeiot.</description>
    <contentFiles>
      <files include="cs/any/Eiot.cs" buildAction="Compile" />
    </contentFiles>
    <dependencies>
      <group targetFramework=".NETFramework4.7.2" />
      <group targetFramework="net8.0" />
    </dependencies>
  </metadata>
</package>
"""

# .NET finds what is below runtimes/ by itself. The .NET Framework, which is on Windows only, does not.
TARGETS = """<Project>
  <ItemGroup>
    <None Include="$(MSBuildThisFileDirectory)../../runtimes/win-x86/native/eiot.dll" Condition="'$(PlatformTarget)' == 'x86' Or '$(Prefer32Bit)' == 'true'">
      <Link>eiot.dll</Link>
      <CopyToOutputDirectory>PreserveNewest</CopyToOutputDirectory>
    </None>
    <None Include="$(MSBuildThisFileDirectory)../../runtimes/win-x64/native/eiot.dll" Condition="'$(PlatformTarget)' != 'x86' And '$(Prefer32Bit)' != 'true'">
      <Link>eiot.dll</Link>
      <CopyToOutputDirectory>PreserveNewest</CopyToOutputDirectory>
    </None>
  </ItemGroup>
</Project>
"""

CONTENT_TYPES = """<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml" />
  <Default Extension="nuspec" ContentType="application/octet" />
  {extensions}
</Types>
"""

RELATIONSHIPS = """<?xml version="1.0" encoding="utf-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
  <Relationship Type="http://schemas.microsoft.com/packaging/2010/07/manifest" Target="/{id}.nuspec" Id="R1" />
</Relationships>
"""


def nuget(version: str, libraries: dict[Platform, tuple[str, bytes]], directory: pathlib.Path) -> None:
    """The wrapper as source, which the user's compiler compiles for whatever framework, and the libraries."""
    package = NAMES["nuget"]
    files = {
        f"contentFiles/cs/any/Eiot.cs": text("bindings/csharp/Eiot.cs"),
        f"build/net472/{package}.targets": TARGETS.encode(),
        "README.md": text("bindings/csharp/README.md"),
        "LICENSE.txt": text("LICENSE"),
    }
    for platform, (name, content) in libraries.items():
        files[f"runtimes/{platform.nuget}/native/{name}"] = content
    extensions = sorted({name.rsplit(".", 1)[1] for name in files})
    listed = "\n  ".join(f'<Default Extension="{extension}" ContentType="application/octet" />' for extension in extensions)
    head = {
        "[Content_Types].xml": CONTENT_TYPES.format(extensions=listed).encode(),
        "_rels/.rels": RELATIONSHIPS.format(id=package).encode(),
        f"{package}.nuspec": NUSPEC.format(id=package, version=version).encode(),
    }
    archive(directory / f"{package}.{version}.nupkg", head | files)


def java(version: str, abi: str, libraries: dict[Platform, tuple[str, bytes]], directory: pathlib.Path) -> None:
    """The compiled wrapper, and the libraries where JNA looks for them."""
    jna = pathlib.Path(os.environ.get("JNA", "/usr/share/java/jna.jar"))
    if shutil.which("javac") is None or not jna.exists():
        print("dist: there is no javac, or no JNA, so no Java archive is made")
        return
    pom = text("bindings/java/pom.xml")
    manifest = f"Manifest-Version: 1.0\r\nImplementation-Title: {NAMES['maven-artifact']}\r\nImplementation-Version: {version}\r\n\r\n".encode()
    files = {"META-INF/MANIFEST.MF": manifest, "META-INF/LICENSE": text("LICENSE")}
    files[f"META-INF/maven/{NAMES['maven-group']}/{NAMES['maven-artifact']}/pom.xml"] = pom
    with tempfile.TemporaryDirectory() as classes:
        command = ["javac", "-Xlint:-options", "--release", "8", "-encoding", "UTF-8", "-cp", jna, "-d", classes]
        subprocess.run([*command, *(BINDINGS / "java" / "src").rglob("*.java")], check=True)
        for path in sorted(pathlib.Path(classes).rglob("*.class")):
            files[str(path.relative_to(classes))] = path.read_bytes()
    for platform, (name, content) in libraries.items():
        if platform.jna:
            # JNA asks for the name without a version on macOS.
            files[f"{platform.jna}/{name.replace(f'.{abi}.dylib', '.dylib')}"] = content
    archive(directory / f"{NAMES['maven-artifact']}-{version}.jar", files)


def main() -> None:
    version, abi, output = sys.argv[1:]
    directory = pathlib.Path(output)
    found = {platform: library_of(platform, version, abi, directory) for platform in ALL}
    libraries = {platform: library for platform, library in found.items() if library}
    npm(version, libraries, directory)
    nuget(version, libraries, directory)
    java(version, abi, libraries, directory)


if __name__ == "__main__":
    main()
