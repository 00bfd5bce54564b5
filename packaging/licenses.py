"""Writes the licenses of all crates that are compiled into ours, for packages that contain only the result.

Usage: licenses.py PACKAGE… OUTPUT. Reads the sources of the crates where cargo keeps them. Of a crate with a choice of licenses, the
MIT license is taken. The crates are those of all platforms, so that every package has the same file.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

from platform_table import ALL
from sbom import tree


def folders() -> dict[tuple[str, str], pathlib.Path]:
    """Where the sources of each crate are, by name and version."""
    command = [os.environ.get("CARGO", "cargo"), "metadata", "--locked", "--format-version", "1"]
    packages = json.loads(subprocess.check_output(command, text=True))["packages"]
    return {(one["name"], one["version"]): pathlib.Path(one["manifest_path"]).parent for one in packages}


def texts(folder: pathlib.Path, license: str) -> str:
    """The license texts of a crate."""
    files = sorted(path for path in folder.iterdir() if re.match(r"(?i)(licen[sc]e|copying|notice|unlicense)", path.name) and path.is_file())
    mit = [path for path in files if "MIT" in path.name.upper()]
    if re.search(r"\bMIT\b", license) and mit and "AND" not in license:
        files = mit
    return "\n\n".join(path.read_text(encoding="utf-8").strip() for path in files)


def main() -> None:
    *packages, output = sys.argv[1:]
    where = folders()
    listed = [one for package in packages for platform in ALL for one in tree(package, platform.target)]
    crates = sorted({(name, version, license) for _, name, version, license in listed if license})
    ours = {name for name, version, _ in crates if "registry" not in str(where[name, version])}
    groups: dict[str, list[str]] = {}
    for name, version, license in crates:
        if name not in ours:
            text = texts(where[name, version], license)
            groups.setdefault(text or f"Licensed as {license}; the crate contains no text.", []).append(f"{name} {version} ({license})")
    parts = ["The native code in this package contains the following crates, some of them on some platforms only, under these licenses."]
    for text, names in groups.items():
        parts.append("\n".join(["=" * 78, *names, "=" * 78, "", text]))
    pathlib.Path(output).write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
