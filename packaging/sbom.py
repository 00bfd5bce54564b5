"""Writes the bill of materials of one of our crates: every crate that is compiled into it, as CycloneDX 1.5.

Usage: sbom.py PACKAGE TARGET OUTPUT. Takes CARGO, SOURCE_DATE_EPOCH and the lock file from where it is called.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
from datetime import datetime, timezone


def checksums() -> dict[tuple[str, str], str]:
    """SHA-256 of each crate of the registry, by name and version."""
    lock = pathlib.Path("Cargo.lock").read_text(encoding="utf-8")
    found = re.findall(r'name = "(.+)"\nversion = "(.+)"\n(?:source = .+\n)?(?:checksum = "(.+)"\n)?', lock)
    return {(name, version): checksum for name, version, checksum in found}


def tree(package: str, target: str) -> list[tuple[int, str, str, str]]:
    """Depth, name, version and license, in the order of `cargo tree`. Macros and build scripts run on the machine that
    compiles, and are not inside."""
    command = [os.environ.get("CARGO", "cargo"), "tree", "--locked", "-p", package, "--target", target]
    command += ["-e", "normal,no-proc-macro", "--prefix", "depth", "--format", " {p} {l}"]
    lines = subprocess.check_output(command, text=True).splitlines()
    found = []
    for line in lines:
        depth, name, version, rest = re.fullmatch(r"(\d+) (\S+) v(\S+)(.*)", line).groups()
        found.append((int(depth), name, version, re.sub(r" \((?:/.*?|\*)\)", "", rest).strip()))
    return found


def reference(name: str, version: str) -> str:
    return f"pkg:cargo/{name}@{version}"


def bill(package: str, target: str) -> dict:
    listed, sums = tree(package, target), checksums()
    components, depends, path = {}, {}, []
    for depth, name, version, license in listed:
        this = reference(name, version)
        del path[depth:]
        if path:
            depends.setdefault(path[-1], set()).add(this)
        path.append(this)
        depends.setdefault(this, set())
        component = {"type": "library", "bom-ref": this, "name": name, "version": version, "purl": this}
        if license:
            # The older way to write OR.
            component["licenses"] = [{"expression": license.replace("/", " OR ")}]
        if checksum := sums[name, version]:
            component["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        # Named once with its license, and then again without.
        components.setdefault(this, component)
    root = reference(*listed[0][1:3])
    when = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), timezone.utc)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": components.pop(root)},
        "components": [components[name] for name in sorted(components)],
        "dependencies": [{"ref": name, "dependsOn": sorted(depends[name])} for name in sorted(depends)],
    }


if __name__ == "__main__":
    package, target, output = sys.argv[1:]
    pathlib.Path(output).write_text(json.dumps(bill(package, target), indent=1) + "\n", encoding="utf-8")
