"""The names under which the packages of other languages are published: packaging/names.txt, from where this script writes them into the
files of bindings/ that need them.
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]


def _read(root: pathlib.Path) -> dict[str, str]:
    lines = (root / "packaging" / "names.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines if line and not line.startswith("#"))


NAMES = _read(ROOT)

# Where each name is: files, and an expression whose group is the name, or what begins with it.
PLACES = {
    "npm": [("node/package.json", r'^  "name": "([^"]+)"'), ("node/package-lock.json", r'^ {2}(?: {4})?"name": "([^"]+)"')],
    "maven-group": [("java/pom.xml", r"^  <groupId>([^<]+)<")],
    "maven-artifact": [("java/pom.xml", r"^  <artifactId>([^<]+)<")],
    "go": [("go/go.mod", r"^module (\S+)$")]
    + [(f"go/{file}", r'^\teiot "([^"]+)"$') for file in ("eiot_test.go", "example/refresh.go", "test/driver.go")],
    "composer": [("php/composer.json", r'^    "name": "([^"]+)"')],
}  # fmt: skip


def found(root: pathlib.Path = ROOT) -> dict[str, set[str]]:
    """The names that the files have now."""
    return {
        name: {match for file, pattern in places for match in re.findall(pattern, (root / "bindings" / file).read_text(encoding="utf-8"), re.M) or [""]}
        for name, places in PLACES.items()
    }


def write(root: pathlib.Path = ROOT) -> None:
    """Writes the names of names.txt into the files."""
    names = _read(root)
    for name, places in PLACES.items():
        for file, pattern in places:
            path = root / "bindings" / file

            def replaced(match: re.Match[str], new: str = names[name]) -> str:
                start, end = match.start(1) - match.start(), match.end(1) - match.start()
                return match[0][:start] + new + match[0][end:]

            path.write_text(re.sub(pattern, replaced, path.read_text(encoding="utf-8"), flags=re.M), encoding="utf-8")


if __name__ == "__main__":
    write()
