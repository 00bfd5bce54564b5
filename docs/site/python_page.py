"""The reference page of the Python package, from its docstrings."""

import pathlib
import re

import griffe

# What is public besides `eiot.__all__`.
TESTING = "eiot.testing"


def members_of(thing: griffe.Object | griffe.Alias) -> list[griffe.Object | griffe.Alias]:
    """The public members of a class, its bases' too, except those that an exception inherits from EiotError."""
    own = thing.all_members if thing.name == "EiotError" or not thing.name.endswith("Error") else thing.members
    return [
        one
        for name, one in own.items()
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


def section(thing: griffe.Object | griffe.Alias, name: str, level: str) -> list[str]:
    parts = [f"{level} {name} {{ #{name} }}\n", f"```python\n{signature(thing)}\n```\n"]
    if thing.docstring:
        parts.append(docstring(thing.docstring.value) + "\n")
    if thing.is_class:
        initial = thing.all_members.get("__init__")
        if initial is not None and not thing.name.endswith("Error") and initial.docstring:
            parts.append(docstring(initial.docstring.value) + "\n")
        for member in members_of(thing):
            parts += section(member, f"{name}.{member.name}", level + "#")
    return parts


def page(directory: pathlib.Path, title: str) -> tuple[str, list[str]]:
    """The page, and the names on it: those of `eiot.__all__`, and of `eiot.testing`."""
    package = griffe.load("eiot", search_paths=[directory], resolve_aliases=True)
    parts = [f"# {title}\n", docstring(package.docstring.value) + "\n"]
    exported = [str(name).strip("\"'") for name in package.exports or []]
    names = []
    for name in sorted(exported, key=lambda one: (one.endswith("Error"), one.lower())):
        if name.startswith("__"):
            continue
        parts += section(package[name], f"eiot.{name}", "##")
        names.append(f"eiot.{name}")
    testing = griffe.load(TESTING, search_paths=[directory], resolve_aliases=True)
    parts += [f"## {TESTING} {{ #{TESTING} }}\n", docstring(testing.docstring.value) + "\n"]
    for name, thing in testing.members.items():
        if not name.startswith("_") and not thing.is_alias and (thing.is_class or thing.is_function) and thing.docstring:
            parts += section(thing, f"{TESTING}.{name}", "###")
            names.append(f"{TESTING}.{name}")
    return "\n".join(parts), names
