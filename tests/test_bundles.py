"""The packages of other languages that carry the library: npm, NuGet, Java. `make dist` makes them."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree
import zipfile

import dotnet
import pytest
from conftest import CLEAN, TESTS, run
from languages import JNA, LANGUAGES
from test_abi import abi_of_cargo, version_of_cargo
from test_consumers import ALL, BY_NAME, DIST, THIS
from test_refusals import EID

ROOT = TESTS.parent
VERSION, SONAME = version_of_cargo(), f"libeiot.so.{abi_of_cargo()}"
sys.path.append(str(ROOT / "packaging"))
import names  # noqa: E402

# Those that `make dist` has made, and so carries.
MADE = [platform for platform in ALL if any((DIST / f"eiot-{VERSION}-{platform.name}.{kind}").exists() for kind in ("tar.gz", "zip"))]


def bundle(name):
    path = DIST / name
    if not path.exists():
        pytest.skip("there is no such package; `make dist` makes it")
    return path


def needs(language):
    """Skips without the toolchain of a language."""
    if why := LANGUAGES[language].missing():
        pytest.skip(why)


def library(platform):
    """What the wrappers load, by its name, and where it was made."""
    tree = DIST / f"eiot-{VERSION}-{platform.name}"
    name, file = ("eiot.dll", tree / "bin" / "eiot.dll") if platform.is_windows else (SONAME, tree / "lib" / f"libeiot.so.{VERSION}")
    return name, file.read_bytes()


def members(path):
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive.getmembers()}


def test_npm_package_of_each_platform_carries_its_library():
    wrapper = json.loads(members(bundle(f"{names.NAMES['npm']}-{VERSION}.tgz"))["package/package.json"])
    assert "private" not in wrapper
    for platform in MADE:
        files = members(bundle(f"{names.NAMES['npm']}-{platform.npm}-{VERSION}.tgz"))
        name, content = library(platform)
        assert files[f"package/{name}"] == content
        about = json.loads(files["package/package.json"])
        assert about["version"] == VERSION == wrapper["optionalDependencies"][about["name"]]
        if platform.is_windows:
            assert about["os"] == ["win32"] and "libc" not in about
        else:
            assert about["os"] == ["linux"] and about["libc"] == ["musl" if platform.is_musl else "glibc"]
        assert about["cpu"] == [{"x86_64": "x64", "i686": "ia32", "aarch64": "arm64", "armv7": "arm"}[platform.machine]]


def test_npm_installs_the_library_of_this_machine_and_the_wrapper_finds_it(tmp_path, simulator):
    needs("node")
    koffi = LANGUAGES["node"].output / "node_modules" / "koffi"
    if not koffi.exists():
        LANGUAGES["node"].make()
    modules = tmp_path / "node_modules"
    for name in (names.NAMES["npm"], f"{names.NAMES['npm']}-{BY_NAME[THIS].npm}"):
        with tarfile.open(bundle(f"{name}-{VERSION}.tgz")) as archive:
            archive.extractall(tmp_path / "unpacked" / name)
        (modules / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(tmp_path / "unpacked" / name / "package", modules / name)
    shutil.copytree(koffi, modules / "koffi")
    # Its own compiled part is a package per platform as well.
    if (koffi.parent / "@koromix").exists():
        shutil.copytree(koffi.parent / "@koromix", modules / "@koromix")
    code = f"const eiot = require('{names.NAMES['npm']}'); eiot.Client.fromEnv().refreshUsage('{EID}').then((reply) => console.log(reply.message))"
    environment = simulator("--unlimited").environment | {"LD_LIBRARY_PATH": ""}
    done = subprocess.run(["node", "-e", code], cwd=tmp_path, env=CLEAN | environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("success\n", "")


def test_java_archive_carries_the_libraries_and_a_program_runs_with_nothing_else(tmp_path, simulator):
    needs("java")
    archive = bundle(f"{names.NAMES['maven-artifact']}-{VERSION}.jar")
    with zipfile.ZipFile(archive) as opened:
        for platform in MADE:
            if platform.jna:
                name, content = library(platform)
                assert opened.read(f"{platform.jna}/{name}") == content
        assert f"META-INF/maven/{names.NAMES['maven-group']}/{names.NAMES['maven-artifact']}/pom.xml" in opened.namelist()
    source = ROOT / "bindings" / "java" / "example" / "Refresh.java"
    subprocess.run(["javac", "-encoding", "UTF-8", "-cp", f"{archive}:{JNA}", "-d", tmp_path, source], check=True)
    environment = simulator("--unlimited").environment | {"LD_LIBRARY_PATH": ""}
    done = run(["java", "-cp", f"{tmp_path}:{archive}:{JNA}", "Refresh", EID], environment=environment)
    assert EID in done.stdout and done.stderr == ""


def test_nuget_package_has_the_layout_that_dotnet_looks_for(tmp_path, simulator):
    archive = bundle(f"{names.NAMES['nuget']}.{VERSION}.nupkg")
    with zipfile.ZipFile(archive) as opened:
        for platform in MADE:
            name, content = library(platform)
            assert opened.read(f"runtimes/{platform.nuget}/native/{name}") == content
        about = xml.etree.ElementTree.fromstring(opened.read(f"{names.NAMES['nuget']}.nuspec"))
        found = {element.tag.split("}")[1]: element.text for element in about.iter()}
        assert (found["id"], found["version"]) == (names.NAMES["nuget"], VERSION)
        frameworks = {element.get("targetFramework") for element in about.iter() if element.get("targetFramework")}
        assert frameworks == {".NETFramework4.7.2", "net8.0"}
        for name in ("[Content_Types].xml", "_rels/.rels", f"build/net472/{names.NAMES['nuget']}.targets"):
            xml.etree.ElementTree.fromstring(opened.read(name))
        opened.extractall(tmp_path)
    if LANGUAGES["csharp"].missing():
        return
    # Mono compiles the source that is inside, and finds the library beside the program.
    program = tmp_path / "Refresh.exe"
    sources = [tmp_path / "contentFiles" / "cs" / "any" / "Eiot.cs", ROOT / "bindings" / "csharp" / "example" / "Refresh.cs"]
    subprocess.run(["mcs", "-warnaserror", f"-out:{program}", *sources], check=True)
    shutil.copy(tmp_path / "runtimes" / BY_NAME[THIS].nuget / "native" / SONAME, tmp_path)
    environment = simulator("--unlimited").environment | {"LD_LIBRARY_PATH": ""}
    assert EID in run(["mono", program, EID], environment=environment).stdout


def test_nuget_package_gives_a_program_for_dotnet_its_library(tmp_path, simulator):
    """As .NET's SDK, which is not here, would leave the program: the library stays in the folder of the packages."""
    package = dotnet.installed()
    if package is None:
        pytest.skip("Microsoft's .NET is in tests/requirements.txt for x86-64 only")
    needs("csharp")
    place = f"{names.NAMES['nuget']}/{VERSION}"
    with zipfile.ZipFile(bundle(f"{place.replace('/', '.')}.nupkg")) as opened:
        opened.extractall(tmp_path / place)
    program = tmp_path / "Refresh.exe"
    sources = [tmp_path / place / "contentFiles" / "cs" / "any" / "Eiot.cs", ROOT / "bindings" / "csharp" / "example" / "Refresh.cs"]
    subprocess.run([*dotnet.compiler(package), f"-out:{program}", *sources], check=True)
    native = {"rid": BY_NAME[THIS].nuget, "assetType": "native"}
    assets = {
        "Refresh/1.0.0": {"dependencies": dict([place.split("/")]), "runtime": {program.name: {}}},
        place: {"runtimeTargets": {f"runtimes/{BY_NAME[THIS].nuget}/native/{SONAME}": native}},
    }
    libraries = {
        "Refresh/1.0.0": {"type": "project", "serviceable": False, "sha512": ""},
        place: {"type": "package", "serviceable": True, "sha512": "", "path": place},
    }
    target = ".NETCoreApp,Version=v3.1"
    described = {"runtimeTarget": {"name": target}, "targets": {target: assets}, "libraries": libraries}
    program.with_suffix(".deps.json").write_text(json.dumps(described))
    command = [*dotnet.runtime(package), "--additionalprobingpath", tmp_path, program, EID]
    environment = simulator("--unlimited").environment | {"LD_LIBRARY_PATH": ""}
    assert EID in run(command, environment=environment).stdout


@pytest.mark.parametrize("language", ["php", "perl"])
def test_wrapper_finds_the_library_beside_it(language, tmp_path, simulator):
    needs(language)
    folder = tmp_path / language
    shutil.copytree(ROOT / "bindings" / language, folder)
    wrapper = folder / LANGUAGES[language].wrapper
    shutil.copy(pathlib.Path(os.environ["EIOT_TEST_PREFIX"]) / "lib" / SONAME, wrapper.parent)
    command = [word.replace(f"{ROOT}/bindings/{language}", str(folder)) for word in LANGUAGES[language].filled(LANGUAGES[language].example)]
    environment = simulator("--unlimited").environment | {"LD_LIBRARY_PATH": ""}
    assert EID in run([*command, EID], environment=environment).stdout


def test_go_program_finds_the_library_beside_it(tmp_path, simulator):
    needs("go")
    go = LANGUAGES["go"]
    go.output.mkdir(parents=True, exist_ok=True)
    program = tmp_path / "refresh"
    command = ["go", "build", "-o", program, "./example"]
    subprocess.run(command, cwd=go.folder, env=go.variables(), check=True)
    shutil.copy(pathlib.Path(os.environ["EIOT_TEST_PREFIX"]) / "lib" / SONAME, tmp_path)
    environment = simulator("--unlimited").environment | {"LD_LIBRARY_PATH": ""}
    assert EID in run([program, EID], environment=environment).stdout


def test_names_of_the_packages_are_in_one_place(tmp_path):
    kept = {name: value for name, value in names.NAMES.items() if name in names.PLACES}
    assert {name: {value} for name, value in kept.items()} == names.found()
    shutil.copytree(ROOT / "bindings", tmp_path / "bindings", ignore=shutil.ignore_patterns("python", "node_modules"))
    (tmp_path / "packaging").mkdir()
    other = {name: f"example.org/{name}/other" for name in names.NAMES}
    (tmp_path / "packaging" / "names.txt").write_text("".join(f"{name} {value}\n" for name, value in other.items()))
    for _ in range(2):
        names.write(tmp_path)
        assert names.found(tmp_path) == {name: {other[name]} for name in names.PLACES}
