"""Pages that exist in English and in Chinese, section by section.

A Chinese section begins with a comment that names the English one and has a hash of what that was when it was translated:

    <!-- en: rate-limiting 1a2b3c4d -->
    ## 速率限制
"""

import difflib
import hashlib
import pathlib
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "docs" / "site"))

import chinese as references  # noqa: E402
LANGUAGES = re.compile(r"^English · .*$|^\[English\]\(\S+\) · 简体中文$", re.M)
MARK = re.compile(r"^<!-- en: (\S+) ([0-9a-f]{8}) -->$")


@dataclass
class Section:
    """A heading and what is below it, up to the next heading."""

    level: int
    heading: str
    anchor: str
    text: str
    # Of a Chinese section: the anchor and the hash of the English one.
    source: str = ""
    source_hash: str = ""

    def hash(self) -> str:
        return hash_of(self.text)


def hash_of(text: str) -> str:
    """Of the words, wherever lines end."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:8]


def chinese(page: str) -> str:
    return page.removesuffix(".md") + ".zh.md"


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def plain_heading(line: str) -> str:
    return re.sub(r"\]\([^)]*\)|[`*\[]", "", line.lstrip("#").strip())


def sections(text: str) -> list[Section]:
    """The sections of a page. Headings are lines that begin with `#`, except in code."""
    found: list[Section] = []
    anchors: dict[str, int] = {}
    lines: list[str] = []
    is_code = False
    mark = None
    for line in text.splitlines():
        is_code ^= line.lstrip().startswith("```")
        if not is_code and (marked := MARK.match(line)):
            mark = marked
        elif not is_code and re.match(r"#{1,4} ", line):
            anchor = re.sub(r"[^\w\- ]", "", plain_heading(line).lower()).replace(" ", "-")
            anchors[anchor] = anchors.get(anchor, -1) + 1
            anchor += f"-{anchors[anchor]}" if anchors[anchor] else ""
            source = mark.groups() if mark else ("", "")
            found.append(Section(len(line) - len(line.lstrip("#")), plain_heading(line), anchor, "", *source))
            mark, lines = None, [line]
        elif found and not LANGUAGES.match(line):
            lines.append(line)
        if found:
            found[-1].text = "\n".join(lines).strip()
    return found


def blocks(text: str) -> list[tuple[str, str]]:
    """The code of a section: the language, and the lines without comments, which may be translated."""
    return [
        (language, "\n".join(without_comment(language, line) for line in code.splitlines()).strip())
        for language, code in re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.M | re.S)
    ]


def without_comment(language: str, line: str) -> str:
    if language == "text":
        # A column of descriptions behind a command.
        return re.sub(r"(^|(?<=\S)) {3,}\S.*$", "", line).rstrip()
    return re.sub(r"(^|\s+)(#(?!include|!|!/)|//|--|\*>) .*$", "", line).rstrip()


def names(text: str) -> set[str]:
    """What a section says in `code`, in text and tables. Files that are translated count as one."""
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S)
    return {name.replace(".zh.md", ".md") for name in re.findall(r"`([^`]+)`", " ".join(text.split()))}


def earlier(page: str, anchor: str, wanted: str) -> Section | None:
    """The section as it was when its hash was this, as far as git has it."""
    log = subprocess.run(["git", "log", "--format=%H", "--", page], cwd=ROOT, capture_output=True, text=True)
    for commit in log.stdout.split():
        shown = subprocess.run(["git", "show", f"{commit}:{page}"], cwd=ROOT, capture_output=True)
        for section in sections(shown.stdout.decode(errors="replace")):
            if section.anchor == anchor and section.hash() == wanted:
                return section
    return None


def difference(page: str, section: Section, wanted: str) -> str:
    """What has changed in an English section since it was translated."""
    before = earlier(page, section.anchor, wanted)
    if before is None:
        return f"  (git has no version of it with the hash {wanted}; read all of it)"
    lines = difflib.unified_diff(before.text.splitlines(), section.text.splitlines(), "translated", "now", lineterm="", n=1)
    return "\n".join(f"  {line}" for line in lines)


def stamped(page: str, wanted: set[str]) -> str:
    """The Chinese page with the hashes of the English sections as they are now, where `wanted` has the section or the page.

    Without a mark, sections are those of the English page in the same order.
    """
    english, text = sections(read(page)), read(chinese(page))
    by_anchor = {section.anchor: section for section in english}
    of_page = sections(text)
    lines, place, is_code = [], 0, False
    for line in text.splitlines():
        is_code ^= line.lstrip().startswith("```")
        if not is_code and MARK.match(line):
            continue
        if not is_code and re.match(r"#{1,4} ", line):
            section = of_page[place]
            source = by_anchor.get(section.source) if section.source else (english[place] if place < len(english) else None)
            old = (section.source, section.source_hash)
            if source and ({"all", page, f"{page}#{source.anchor}"} & wanted or not section.source):
                old = (source.anchor, source.hash())
            lines.append("<!-- en: {} {} -->".format(*old))
            place += 1
        lines.append(line)
    return "\n".join(lines) + "\n"


# The Chinese of the references: docs/reference/NAME.zh.md has a section for each item of a header or of the Python package.
SOURCES = {"c": "include/eiot.h", "cpp": "include/eiot.hpp", "python": "bindings/python/python"}


def reference_difference(name: str, item: str, wanted: str, now: str) -> str:
    """What has changed in the comment of an item since it was translated."""
    log = subprocess.run(["git", "log", "--format=%H", "--", SOURCES[name]], cwd=ROOT, capture_output=True, text=True)
    for commit in log.stdout.split():
        with tempfile.TemporaryDirectory() as directory:
            archive = subprocess.run(["git", "archive", commit, SOURCES[name]], cwd=ROOT, capture_output=True)
            if archive.returncode != 0:
                continue
            subprocess.run(["tar", "-x", "-C", directory], input=archive.stdout, check=True)
            before = references.english_items(name, pathlib.Path(directory)).get(item)
        if before is not None and hash_of(before) == wanted:
            lines = difflib.unified_diff(before.splitlines(), now.splitlines(), "translated", "now", lineterm="", n=1)
            return "\n".join(f"  {line}" for line in lines)
    return f"  (git has no version of it with the hash {wanted}; read all of it)\n  " + now.replace("\n", "\n  ")


def reference_stamped(name: str, wanted: set[str]) -> str:
    """The file with the hashes of the items as they are now, where it or the item is wanted, or the item has no hash yet."""
    page = references.source_of(name)
    now, old = references.english_items(name), references.hashes(name)
    lines = []
    for line in read(page).splitlines():
        if MARK.match(line):
            continue
        if line.startswith("## "):
            item = line[3:]
            is_wanted = {"all", page, f"{page}#{item}"} & wanted or not old[item]
            hash = hash_of(now[item]) if is_wanted and item in now else old[item]
            lines.append(f"<!-- en: {references.anchor(item)} {hash} -->")
        lines.append(line)
    return "\n".join(lines) + "\n"
