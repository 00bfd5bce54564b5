"""The package as such: its two halves, its types, its README."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version

import eiot
import pytest
from conftest import HERE, ROOT, output_of
from eiot import _environment, _native
from responder import Responder

README = HERE.parent / "README.md"
PACKAGE = pathlib.Path(eiot.__file__).parent


def test_there_is_one_version() -> None:
    (in_cargo,) = re.findall(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)
    assert eiot.__version__ == _native.__version__ == version("eiot") == in_cargo


def test_halves_of_different_versions_are_not_imported(tmp_path: pathlib.Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "eiot", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "eiot" / "_version.py").write_text('__version__ = "9.9.9"\n')
    code = "try:\n    import eiot\nexcept ImportError as error:\n    print(error)"
    said = output_of(code, {"PYTHONPATH": str(tmp_path)})
    assert "9.9.9" in said and _native.__version__ in said and str(tmp_path) in said


def test_public_names_go_by_the_name_that_users_import() -> None:
    for name in eiot.__all__:
        if name != "__version__":
            assert getattr(eiot, name).__module__ == "eiot", name
            assert getattr(eiot, name).__doc__, name


def test_the_readme_lists_every_exception() -> None:
    table = re.findall(r"^\| `(\w+Error)` \|", README.read_text(encoding="utf-8"), re.M)
    assert sorted(table) == sorted(n for n in eiot.__all__ if n.endswith("Error") and n != "EiotError")


def test_the_readmes_examples_run(
    responder: Callable[..., Responder], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = responder()
    monkeypatch.setattr(_environment, "_client", {})
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    examples = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    assert len(examples) == 4
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, str(README), "exec"), names)
    assert len(server.requests) == 2
    assert "secret=[redacted]" in capsys.readouterr().out


def test_the_types_are_strict_and_those_of_the_native_half_are_exact(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    environment = {**os.environ, "MYPY_CACHE_DIR": str(tmp_path)}
    for module in (["mypy", "--strict", "-p", "eiot"], ["mypy.stubtest", "eiot"]):
        command = [sys.executable, "-m", *module]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
