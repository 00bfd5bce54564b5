"""The Chinese of the references. Signatures, flags and examples come from the sources, and what they mean from these files:

- docs/reference/NAME.zh.md has a section for each item of a header or of the Python package; tests/test_translations.py keeps it complete.
- help.zh.toml and help.zh.json are those that the commands make their Chinese manual pages from; their unit tests keep them complete.
"""

import json
import pathlib
import re

import headers
from pages import ROOT, read

SECTION = re.compile(r"^(?:<!-- en: \S+ ([0-9a-f]+) -->\n)?## ([^\n]+)\n(.*?)(?=^<!-- en: |^## |\Z)", re.M | re.S)
# The words of clap and of the site, which are not in those files.
HEADINGS = {"Arguments": "参数", "Options": "选项", "Example": "示例", "Examples": "示例"}
# What clap adds to the help of a flag.
ADDED = re.compile(r"\s*\[(default|possible values): ([^\]]*)\]")


def items(name: str) -> dict[str, str]:
    """The texts of docs/reference/NAME.zh.md by the names of their items."""
    return {item: text.strip() for _, item, text in SECTION.findall(read(source_of(name)))}


def hashes(name: str) -> dict[str, str]:
    """For each item, the hash of what it is a translation of."""
    return {item: hash for hash, item, _ in SECTION.findall(read(source_of(name)))}


def source_of(name: str) -> str:
    return f"docs/reference/{name}.zh.md"


def anchor(item: str) -> str:
    """An item in the comment before its section, which has no blanks."""
    return item.replace(" ", "-")


def english_items(name: str, root: pathlib.Path = ROOT) -> dict[str, str]:
    """What docs/reference/NAME.zh.md is a translation of, by the names of the items: declarations with their comments."""
    if name == "python":
        # Needs a package that is not there in each environment that tests translations.
        import python_page

        return {item.name: item.source() for item in python_page.items(root / "bindings/python/python")}
    header = (root / {"c": "include/eiot.h", "cpp": "include/eiot.hpp"}[name]).read_text(encoding="utf-8")
    read_items = headers.c_items if name == "c" else headers.cpp_items
    return {headers.INTRODUCTION: headers.introduction(header)} | {item.name: item.source() for item in read_items(header)}


def key(text: str) -> str:
    """An English text, wherever its lines end, and with or without its last full stop."""
    return " ".join(text.split()).removesuffix(".")


class Help:
    """The Chinese texts of a command's help by their English ones. A text that is missing ends the build."""

    colon, label = "：", {"default": "默认值：", "possible values": "可选值："}

    def __init__(self, file: str) -> None:
        path = ROOT / file
        self.file, self.summaries = file, {}
        if path.suffix == ".json":
            self.texts = {key(english): chinese for english, chinese in json.loads(path.read_text(encoding="utf-8")).items()}
            return
        # Needs Python 3.11, as the site does; tests of translations do not.
        import tomllib

        words = tomllib.loads(path.read_text(encoding="utf-8"))
        self.texts = {key(one["en"]): one["zh"].strip("\n") for one in words["text"]}
        self.summaries = {name: one["documentation"].partition("。")[0] for name, one in words["options"].items()}

    def __call__(self, english: str) -> str:
        chinese = HEADINGS.get(english) or self.texts.get(key(english))
        if chinese is None:
            raise SystemExit(f"{self.file} has no Chinese for: {english}")
        return chinese

    def entry(self, english: str) -> str:
        """What a flag does, and its possible values, as paragraphs."""
        added = ADDED.findall(english)
        first, *others = ADDED.sub("", english).split("\n\n")
        parts = [self(first) + "".join(f" [{self.label[name]}{value}]" for name, value in added)]
        for other in others:
            lines = other.splitlines()
            values = [re.fullmatch(r"- (\S+): +(.*)", line) for line in lines]
            if all(values):
                parts.append("\n".join(f"- {value[1]}：{self(value[2])}" for value in values))
            else:
                parts.append(self(other))
        return "\n\n".join(parts)

    def option(self, name: str, english: str) -> str:
        """What an option of the client does, where its flag is listed."""
        return self.summaries[name]
