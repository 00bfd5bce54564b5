"""Third-party programs, outside the source tree, against the installed library and against the unpacked tarball."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from conftest import CLEAN, PKG_CONFIG, PREFIX, TESTS, run
from test_abi import abi_of_cargo, version_of_cargo
from test_refusals import EID

sys.path.append(str(TESTS.parent / "packaging"))
from platform_table import ALL, BY_NAME, THIS  # noqa: E402, F401

DIST = pathlib.Path(os.environ["EIOT_TEST_DIST"])
SONAME = f"libeiot.so.{abi_of_cargo()}"
TOOLS = pathlib.Path(sys.executable).parent


@pytest.fixture(scope="session", params=["installed", "unpacked"])
def tree(request, tmp_path_factory):
    """Where the library is: as `make install` puts it, or the tarball, unpacked and moved elsewhere."""
    if request.param == "installed":
        return PREFIX
    archive = DIST / f"eiot-{version_of_cargo()}-{THIS}.tar.gz"
    if not archive.exists():
        pytest.skip("there is no tarball; `make dist` makes it")
    directory = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["tar", "-C", directory, "-xzf", archive], check=True)
    moved = tmp_path_factory.mktemp("moved") / "some where else"
    shutil.move(next(directory.iterdir()), moved)
    return moved


@pytest.fixture
def consumer(tmp_path):
    """A copy of the consumer's sources, far from ours."""
    return pathlib.Path(shutil.copytree(TESTS / "consumer", tmp_path / "consumer"))


def refreshes(program, simulator, *, library_path=None):
    running = simulator("--tls")
    environment = running.environment | {"LD_LIBRARY_PATH": str(library_path or "")}
    return run([program, EID], environment=environment).stdout == "refreshed\n"


@pytest.fixture
def cmake_build(tree, consumer):
    build = consumer / "build"
    environment = CLEAN | {
        "CC": os.environ["EIOT_TEST_CC"], "CXX": os.environ["EIOT_TEST_CXX"], "PATH": f"{TOOLS}:{CLEAN['PATH']}",
    }  # fmt: skip
    configure = [TOOLS / "cmake", "-S", consumer, "-B", build, "-G", "Unix Makefiles", f"-DCMAKE_PREFIX_PATH={tree}"]
    for command in (configure, [TOOLS / "cmake", "--build", build]):
        done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return build


def test_cmake_finds_shared_and_static_for_c_and_cpp(cmake_build, simulator):
    for language in ("c", "cpp"):
        for kind in ("shared", "static"):
            program = cmake_build / f"{kind}_{language}"
            assert refreshes(program, simulator), program
            needs = subprocess.check_output(["readelf", "-d", program], text=True)
            assert (SONAME in needs) == (kind == "shared")


@pytest.mark.parametrize("how", ["shared", "static", "named static"])
def test_pkg_config_finds_the_library(tree, consumer, simulator, how):
    static = how != "shared"
    question = [PKG_CONFIG, "--cflags", "--libs", *{"shared": ["eiot"], "static": ["--static", "eiot"]}.get(how, ["eiot-static"])]
    environment = CLEAN | {"PKG_CONFIG_PATH": str(tree / "lib" / "pkgconfig")}
    answer = subprocess.run(question, env=environment, check=True, capture_output=True, text=True).stdout
    flags = re.sub(r"-leiot\b", "-Wl,-Bstatic -leiot -Wl,-Bdynamic", answer) if how == "static" else answer
    # By a shell: the tree's name has spaces in it.
    command = f"{os.environ['EIOT_TEST_CC']} -std=c99 -o refresh refresh.c {flags}"
    subprocess.run(["sh", "-c", command], cwd=consumer, check=True)
    assert refreshes(consumer / "refresh", simulator, library_path=None if static else tree / "lib")
    needs = subprocess.check_output(["readelf", "-d", consumer / "refresh"], text=True)
    assert (SONAME in needs) == (not static)


def test_library_can_be_loaded_used_and_unloaded_by_a_thread(tree, consumer, simulator):
    program = consumer / "dlopen"
    command = [*os.environ["EIOT_TEST_CC"].split(), f"-I{tree / 'include'}", "-o", program, consumer / "dlopen.c"]
    subprocess.run([str(word) for word in [*command, "-ldl", "-lpthread"]], check=True)
    running = simulator("--tls", "--unlimited")
    done = run([program, tree / "lib" / SONAME, EID], environment=running.environment)
    assert done.stdout == "refreshed\n" * 2


@pytest.fixture(scope="session")
def other_rust(tmp_path_factory):
    target = tmp_path_factory.mktemp("other_rust")
    manifest = TESTS / "consumer" / "other_rust" / "Cargo.toml"
    command = ["cargo", "build", "--release", "--locked", "-q", "--manifest-path", manifest, "--target-dir", target]
    subprocess.run(command, check=True)
    return target / "release" / "libother_rust.a"


@pytest.mark.parametrize("eiot_first", [True, False], ids=["before", "after"])
def test_static_library_links_with_another_static_library_of_rust(tree, consumer, simulator, other_rust, eiot_first):
    libraries = [tree / "lib" / "libeiot.a", other_rust]
    program = consumer / "two"
    command = [
        *os.environ["EIOT_TEST_CC"].split(), f"-I{tree / 'include'}", "-o", program, consumer / "two.c",
        *(libraries if eiot_first else reversed(libraries)), *"-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc".split(),
    ]  # fmt: skip
    subprocess.run([str(word) for word in command], check=True)
    assert refreshes(program, simulator)
