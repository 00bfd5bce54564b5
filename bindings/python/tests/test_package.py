"""The package: its two halves and its names."""

import pathlib
import re
import shutil
from importlib.metadata import version

import eiot
from conftest import ROOT, output_of
from eiot import _native

PACKAGE = pathlib.Path(eiot.__file__).parent


def test_version_is_the_same_everywhere() -> None:
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
        if name not in ("__version__", "Result"):
            assert getattr(eiot, name).__module__ == "eiot", name
            assert getattr(eiot, name).__doc__, name
