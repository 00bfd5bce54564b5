"""The reference page of the Python package, from its docstrings."""

import dataclasses
import pathlib
import re
from collections.abc import Iterator

import griffe
from headers import examples

# What is public besides `eiot.__all__`.
TESTING = "eiot.testing"


def members_of(thing: griffe.Object | griffe.Alias) -> list[griffe.Object | griffe.Alias]:
    """The public members of a class, its bases' too, except those of a base that is described itself."""
    public = {str(name).strip("\"'") for name in thing.package.exports or []}
    is_derived = any(str(base).rsplit(".", 1)[-1] in public for base in thing.bases)
    return [
        one
        for name, one in (thing.members if is_derived else thing.all_members).items()
        if not name.startswith("_") and (one.is_function or one.is_attribute) and one.docstring is not None
    ]


def docstring(text: str) -> str:
    """A docstring as Markdown: examples as code, parameters as a list."""
    made: list[str] = []
    in_example = in_parameter = False
    for line in text.splitlines():
        if line.startswith(">>> ") and not in_example:
            made += ["", "```pycon"]
            in_example = True
        elif in_example and not line.strip():
            made.append("```")
            in_example = False
        if parameter := re.match(r":param (\w+): ?(.*)$", line):
            made += ([] if in_parameter else [""]) + [f"- **`{parameter[1]}`**: {parameter[2]}"]
            in_parameter = True
            continue
        if in_parameter and line.startswith("    "):
            made[-1] += " " + line.strip()
            continue
        in_parameter = False
        made.append(line)
    if in_example:
        made.append("```")
    return "\n".join(made).strip()


def signature(thing: griffe.Object | griffe.Alias) -> str:
    if thing.is_function:
        text = thing.signature().replace("self, ", "").replace("(self)", "()")
        if len(text) > 100:
            opened, inside, closed = re.fullmatch(r"([^(]*\()(.*)(\).*?)", text, re.S).groups()
            arguments = re.split(r", (?![^\[(]*[\])])", inside)
            text = opened + "".join(f"\n    {argument}," for argument in arguments) + "\n" + closed
        return text
    if thing.is_class:
        bases = ", ".join(str(base).rsplit(".", 1)[-1] for base in thing.bases)
        return f"class {thing.name}({bases})" if bases else f"class {thing.name}"
    kind = f": {thing.annotation}" if thing.annotation is not None else ""
    return f"{thing.name}{kind}"


@dataclasses.dataclass
class Item:
    """Something public: its name, its signature and its docstring."""

    name: str
    level: str
    signature: str
    text: str

    def page(self, chinese: dict[str, str] | None) -> str:
        """A section. In Chinese, examples are those of the docstring."""
        parts = [f"{self.level} {self.name} {{ #{self.name} }}\n"]
        if self.signature:
            parts.append(f"```python\n{self.signature}\n```\n")
        parts.append((self.text if chinese is None else f"{chinese[self.name]}\n\n{examples(self.text)}") + "\n")
        return "\n".join(parts)

    def source(self) -> str:
        """What a translation is of."""
        return f"{self.signature}\n{self.text}"


def items_of(thing: griffe.Object | griffe.Alias, name: str, level: str) -> Iterator[Item]:
    texts = [thing.docstring.value] if thing.docstring else []
    if thing.is_class:
        initial = thing.all_members.get("__init__")
        if initial is not None and not thing.name.endswith("Error") and initial.docstring:
            texts.append(initial.docstring.value)
    yield Item(name, level, signature(thing), "\n\n".join(map(docstring, texts)))
    for member in members_of(thing) if thing.is_class else ():
        yield from items_of(member, f"{name}.{member.name}", level + "#")


def items(directory: pathlib.Path) -> list[Item]:
    """Everything public: the package, the names of `eiot.__all__` with their members, and those of `eiot.testing`."""
    package = griffe.load("eiot", search_paths=[directory], resolve_aliases=True)
    found = [Item("eiot", "#", "", docstring(package.docstring.value))]
    exported = [str(name).strip("\"'") for name in package.exports or []]
    for name in sorted(exported, key=lambda one: (one.endswith("Error"), one.lower())):
        if not name.startswith("__"):
            found += items_of(package[name], f"eiot.{name}", "##")
    testing = griffe.load(TESTING, search_paths=[directory], resolve_aliases=True)
    found.append(Item(TESTING, "##", "", docstring(testing.docstring.value)))
    for name in sorted(str(name).strip("\"'") for name in testing.exports or []):
        found += items_of(testing[name], f"{TESTING}.{name}", "###")
    return found


def page(directory: pathlib.Path, title: str, chinese: dict[str, str] | None) -> tuple[str, list[str]]:
    """The page, and the names on it, without members. `chinese` has the Chinese texts of a Chinese page."""
    package, *others = items(directory)
    introduction = package.text if chinese is None else f"{chinese[package.name]}\n\n{examples(package.text)}"
    parts = [f"# {title}\n", introduction + "\n", *(item.page(chinese) for item in others)]
    names = [item.name for item in others if item.signature and item.name.removeprefix(f"{TESTING}.").removeprefix("eiot.").count(".") == 0]
    return "\n".join(parts), names
