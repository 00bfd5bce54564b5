"""Which file of the repository is which page of the site, and how its links and anchors become those of the site.

A file X.md is a page in English, X.zh.md the same page in Chinese. A page without a Chinese file is shown in English, below a note.
"""

import dataclasses
import functools
import html
import os
import pathlib
import re
import shutil
import unicodedata

from words import WORDS

ROOT = pathlib.Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "zh")

# Files that are not in docs/ or have another name there. All other docs/**/*.md keep their path.
PLACES = {
    "README.md": "index.md",
    "bindings/README.md": "bindings/index.md",
    "crates/sim/README.md": "simulator.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
# How much a hit on a page counts in the search, if not 1. A name is wanted in the reference, rather than in each page that mentions it.
BOOST = {"reference/c.md": 1.3, "reference/options.md": 2, "errors.md": 2, "operations.md": 1.5, "index.md": 1.5, "changelog.md": 0.5, "glossary.md": 0.2}
# The page whose sections about error kinds become pages of their own, in errors/.
ERRORS = "errors.md"
# Larger files are downloads, not pages.
MAX_SOURCE = 100_000

LINK = re.compile(r"(?<!\\)\]\(([^()\s]+)\)")
FENCE = re.compile(r"^( *)(```+|~~~+)")
HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$")
# In a Chinese file, before each heading: the English section that it was made from, and the hash of that section.
ORIGIN = re.compile(r"^<!-- en: (\S+) [0-9a-f]+ -->$")
# The switch of languages as code hosts show it; the site has its own.
SWITCH = re.compile(r"^(?:English|\[English\]\(\S+\)) · (?:简体中文|\[简体中文\]\(\S+\))$")
LEXERS = {".py": "python", ".c": "c", ".cpp": "cpp", ".yaml": "yaml", ".json": "json", ".sh": "sh", ".js": "js", ".java": "java", ".php": "php"}


def place_of(source: str) -> str | None:
    """The page that a Markdown file becomes, in whichever language; None if the file is not a page."""
    source = re.sub(r"\.zh\.md$", ".md", source)
    if source in PLACES:
        return PLACES[source]
    if binding := re.fullmatch(r"bindings/(\w+)/README\.md", source):
        return f"bindings/{binding[1]}.md"
    if source.startswith("docs/") and source.endswith(".md"):
        return source.removeprefix("docs/")
    return None


def sources() -> dict[str, str]:
    """Each page's file, and its place: the English file, unless there is only a Chinese one."""
    patterns = ("*.md", "docs/*.md", "docs/cookbook/*.md", "bindings/*.md", "bindings/*/README.md", "crates/sim/README.md")
    found = {}
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            source = path.relative_to(ROOT).as_posix()
            is_translation = source.endswith(".zh.md") and (ROOT / re.sub(r"\.zh\.md$", ".md", source)).is_file()
            if not is_translation and (place := place_of(source)):
                found[source] = place
    return found


def slug(heading: str) -> str:
    """The anchor of a heading, as code hosts make it."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = unicodedata.normalize("NFC", text).replace("`", "").replace("*", "").lower()
    return re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")


def lines_outside_code(text: str):
    """Each line, and whether it is prose."""
    fence = ""
    for line in text.splitlines():
        if found := FENCE.match(line):
            if not fence:
                fence = found[2]
            elif line.strip().startswith(fence):
                fence = ""
            yield line, False
        else:
            yield line, not fence


@functools.cache
def read(source: str) -> str:
    return (ROOT / source).read_text(encoding="utf-8")


def chinese_of(source: str) -> str | None:
    """The Chinese file of an English one, if it has been written."""
    if source.endswith(".zh.md"):
        return None
    chinese = re.sub(r"\.md$", ".zh.md", source)
    return chinese if (ROOT / chinese).is_file() else None


@functools.cache
def anchors(source: str) -> dict[str, str]:
    """For each heading of a Chinese file, by its own anchor, that of the English section it was made from: the comment before it names it.
    Both languages have the same anchors on the site, so that the switch keeps the section."""
    found, before = {}, ""
    for line, is_prose in lines_outside_code(read(source)):
        if is_prose and (heading := HEADING.match(line)):
            if before:
                found[slug(heading[2])] = before
            before = ""
        elif named := ORIGIN.match(line):
            before = named[1]
    return found


@functools.cache
def kinds() -> tuple[str, ...]:
    """The error kinds, in the order of their table."""
    return tuple(re.findall(r"^\| `(\w+)` \| `EIOT_ERR_", read(f"docs/{ERRORS}"), re.M))


def page_of_kind(kind: str) -> str:
    return f"errors/{kind}.md"


@dataclasses.dataclass
class Tree:
    """The pages of one language, as files for MkDocs."""

    language: str
    directory: pathlib.Path
    # Repository files that pages link to and that are not pages themselves, and where they are shown.
    linked: dict[str, str] = dataclasses.field(default_factory=dict)

    def write(self, place: str, text: str) -> None:
        path = self.directory / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if place in BOOST:
            text = f"---\nsearch:\n  boost: {BOOST[place]}\n---\n\n{text}"
        path.write_text(text, encoding="utf-8")

    def add(self, source: str, place: str) -> None:
        """Adds a page from its file in the repository."""
        chosen = (chinese_of(source) if self.language == "zh" else None) or source
        text = "\n".join(line for line in read(chosen).splitlines() if not SWITCH.match(line)) + "\n"
        if chosen.endswith(".zh.md"):
            text = self.with_english_anchors(chosen, text)
        text = self.with_links(chosen, place, text)
        if chosen.endswith(".zh.md") != (self.language == "zh"):
            text = with_note(text, WORDS[self.language]["not_translated"])
        self.write(place, readable(text))

    def with_english_anchors(self, source: str, text: str) -> str:
        names, lines = anchors(source), []
        for line, is_prose in lines_outside_code(text):
            if is_prose and (heading := HEADING.match(line)) and slug(heading[2]) in names:
                line = f"{line} {{ #{names[slug(heading[2])]} }}"
            if not ORIGIN.match(line):
                lines.append(line)
        return "\n".join(lines) + "\n"

    def with_links(self, source: str, place: str, text: str) -> str:
        """The links of a file as links between pages, and its pictures inside it."""
        lines = []
        for line, is_prose in lines_outside_code(text):
            if is_prose and (shown := re.fullmatch(r"!\[([^\]]*)\]\(([^)]*pictures/[^)]+\.svg)\)", line)):
                line = picture((ROOT / source).parent / shown[2], shown[1])
            elif is_prose:
                line = LINK.sub(lambda found: f"]({self.link(source, place, found[1])})", line)
            lines.append(line)
        return "\n".join(lines) + "\n"

    def link(self, source: str, place: str, target: str) -> str:
        if re.match(r"[a-z]+:", target):
            return target
        path, _, anchor = target.partition("#")
        file = os.path.normpath(os.path.join(os.path.dirname(source), path)) if path else source
        if (ROOT / file).is_dir() and (ROOT / file / "README.md").is_file():
            file = os.path.normpath(f"{file}/README.md")
        page = place_of(file)
        if page is None:
            page = self.shown(file)
        if anchor and file.endswith(".md"):
            anchor = self.anchor(file, anchor)
        if page == ERRORS and anchor in kinds():
            path, page, anchor = ERRORS, page_of_kind(anchor), ""
        relative = os.path.relpath(page, os.path.dirname(place) or ".") if path else ""
        return f"{relative}#{anchor}" if anchor else relative

    def anchor(self, file: str, anchor: str) -> str:
        """The anchor on the page as it is shown in this language: a Chinese heading has the English anchor."""
        return anchors(file).get(anchor, anchor) if file.endswith(".zh.md") else anchor

    def shown(self, file: str) -> str:
        """Where a file that is not a page is shown."""
        if not (ROOT / file).exists():
            raise SystemExit(f"a page links to {file}, which does not exist")
        if file not in self.linked:
            self.linked[file] = self.show(file)
        return self.linked[file]

    def show(self, file: str) -> str:
        path = ROOT / file
        if path.suffix == ".svg" or (path.is_file() and path.stat().st_size > MAX_SOURCE):
            place = f"files/{file}"
            (self.directory / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self.directory / place)
            return place
        inside = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
        parts = [f"---\nsearch:\n  exclude: true\n---\n\n# {file}\n"]
        for one in inside:
            if one != path:
                parts.append(f"## {one.relative_to(path)}\n")
            parts.append(f"````{LEXERS.get(one.suffix, 'text')}\n{one.read_text(encoding='utf-8').rstrip()}\n````\n")
        place = f"files/{file}.md" if path.is_file() else f"files/{file}/index.md"
        self.write(place, "\n".join(parts))
        return place


def headless(rows: list[tuple[str, str]]) -> str:
    """A table of names and values. Markdown wants a head, which the style sheet hides where it is empty."""
    return "\n".join(["| | |", "|---|---|", *(f"| {title} | {cell} |" for title, cell in rows if cell)])


def with_note(text: str, note: str) -> str:
    """With a note below its title."""
    first, _, rest = text.partition("\n")
    return f'{first}\n\n!!! note ""\n    {note}\n{rest}'


def picture(path: pathlib.Path, words: str) -> str:
    """A picture as part of the page, without its colors: it has those of the page."""
    svg = re.sub(r"\s*\n\s*", "\n", path.read_text(encoding="utf-8")).strip()
    svg = re.sub(r"<style>.*?</style>\n?", "", svg, count=1, flags=re.S)
    svg = svg.replace('role="img"', f'role="img" aria-label="{html.escape(words)}"')
    return f'<figure class="picture">{svg}</figure>\n'


def readable(text: str) -> str:
    """As Python's Markdown wants it: a blank line before a list or a table that follows a paragraph, and four columns before the lines that
    belong to an item of a list."""
    lines: list[str] = []
    # The columns of an item's text, as long as the lines belong to it.
    inside = 0
    for line, is_prose in lines_outside_code(text):
        before = lines[-1] if lines else ""
        item = re.match(r"([-*]|\d+\.) +", line) if is_prose else None
        if item:
            inside = len(item[0])
        elif inside and line.startswith(" " * inside):
            line = "    " + line[inside:]
        elif line.strip() and (not before.strip() or not is_prose):
            inside = 0
        if is_prose and before.strip() and not before.startswith("    "):
            starts_list = item and not re.match(r"([-*]|\d+\.) ", before) and not inside_of(lines)
            starts_table = line.startswith("|") and not before.startswith("|")
            if starts_list or starts_table:
                lines.append("")
        lines.append(line)
    return "\n".join(lines) + "\n"


def inside_of(lines: list[str]) -> bool:
    """Whether the last paragraph belongs to an item of a list."""
    for line in reversed(lines):
        if not line.strip():
            return False
        if re.match(r"([-*]|\d+\.) ", line):
            return True
    return False
