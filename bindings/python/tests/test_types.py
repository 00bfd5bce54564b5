"""The types: exact for the native half, strict for the rest, and sufficient for the examples."""

import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import pytest
import readme
from conftest import HERE, ROOT
from test_package import PACKAGE

PROJECT = HERE.parent
TOOLS = pathlib.Path(sys.executable).parent
# At the prompt an expression shows its value.
EXPRESSIONS = "# pyright: reportUnusedExpression=false\n"
NATIVE = "eiot/_native.pyi"


def checked(command: list[Any], directory: pathlib.Path) -> None:
    """Runs a type checker, which must report nothing."""
    environment = os.environ | {"MYPY_CACHE_DIR": str(directory / "cache")}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def sources(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with the package, the examples and each program of the README, and the options of the checkers."""
    shutil.copytree(PACKAGE, tmp_path / "eiot", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    for number, program in enumerate([readme.typed_at_the_prompt(), *readme.PROGRAMS]):
        (tmp_path / f"readme_{number}.py").write_text(EXPRESSIONS + program, encoding="utf-8")
    for example in (ROOT / "examples" / "python").glob("*.py"):
        shutil.copy(example, tmp_path / f"example_{example.name}")
    return tmp_path


def test_mypy_accepts_package_and_examples(sources: pathlib.Path) -> None:
    files = [*sources.glob("readme_*.py"), *sources.glob("example_*.py")]
    assert len(files) > 2
    checked([sys.executable, "-m", "mypy", "--strict", "eiot", *files], sources)


def test_pyright_accepts_package_and_examples(sources: pathlib.Path) -> None:
    checked([TOOLS / "pyright", "--pythonpath", sys.executable], sources)


# stubtest 2.4 takes an alias of several literals for a union, which it is not at run time.
ALIASES = "eiot._exceptions.Delivered\neiot._exceptions.Kind\n"


def test_narrowing_of_results_works_in_both_checkers(tmp_path: pathlib.Path) -> None:
    program = """
import eiot

def by_error(result: eiot.Result) -> str:
    if result.error is not None:
        return result.error.kind
    return result.reply.message

def by_match(result: eiot.Result) -> str:
    match result:
        case eiot.Success(reply=reply):
            return reply.message
        case eiot.Failure(error=error):
            return error.kind
"""
    only_mypy = """
def by_ok(result: eiot.Result) -> str:
    return result.reply.message if result.ok else result.error.kind
"""
    (tmp_path / "both.py").write_text(program)
    checked([TOOLS / "pyright", "--pythonpath", sys.executable, "both.py"], tmp_path)
    (tmp_path / "both.py").write_text(program + only_mypy)
    checked([sys.executable, "-m", "mypy", "--strict", "both.py"], tmp_path)


def test_stubs_match_the_installed_module(tmp_path: pathlib.Path) -> None:
    (tmp_path / "allowed").write_text(ALIASES)
    checked([sys.executable, "-m", "mypy.stubtest", "--allowlist", "allowed", "eiot"], tmp_path)


def test_types_of_the_public_api_are_complete(tmp_path: pathlib.Path) -> None:
    # Beside py.typed, as in an installed package.
    (tmp_path / "eiot").symlink_to(PACKAGE)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [TOOLS / "pyright", "--pythonpath", sys.executable, "--verifytypes", "eiot", "--ignoreexternal"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "Type completeness score: 100%" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("cargo") is None, reason="no Rust toolchain to read the sources with")
def test_stubs_match_the_sources(tmp_path: pathlib.Path) -> None:
    maturin = [TOOLS / "maturin", "generate-stubs", "--locked", "--profile", "dev", "--features", "stubs"]
    checked([*maturin, "-m", PROJECT / "Cargo.toml", "-i", sys.executable, "-o", tmp_path], ROOT)
    made = (tmp_path / NATIVE).read_text(encoding="utf-8")
    kept = (PROJECT / "python" / NATIVE).read_text(encoding="utf-8")
    assert made == kept, "make stubs regenerates them"
