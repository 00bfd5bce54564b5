"""zig, which comes as a Python package, as the compiler and linker of Rust's crates for other platforms."""

import os
import pathlib
import subprocess
import sys

from .platform import ROOT, TARGET

# Where cargo-zigbuild is.
TOOLS = pathlib.Path(sys.executable).parent
CACHES = [f"ZIG_GLOBAL_CACHE_DIR={ROOT / 'build' / 'zig'}", f"ZIG_LOCAL_CACHE_DIR={ROOT / 'build' / 'zig'}"]


def cargo(verb: str, target: str, *packages: str, **environment: str) -> None:
    """Runs cargo's `build`, which is called `zigbuild`, or `check`, with the quick profile."""
    command = [TOOLS / "cargo-zigbuild", verb, "--locked", "--quiet", "--profile", "quick", "--target", target]
    for package in packages:
        command += ["-p", package]
    path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
    settings = os.environ | {"PATH": path, "CARGO_TARGET_DIR": str(TARGET)} | environment
    subprocess.run(command, cwd=ROOT, env=settings, check=True)
