"""What the commands say about themselves, as pages."""

import dataclasses
import itertools
import pathlib
import re
import subprocess
from collections.abc import Callable, Iterator

import chinese

ENTRY = re.compile(r"^ {2,6}((?:-\w, )?--[\w-]+(?:[ =\[]\S+)?|-\w, --[\w-]+|[<\[][A-Z][A-Z=|]*[>\]](?:\.\.\.)?)(?:\s{2,}(\S.*))?$")
# Sections that another page has: the options.
ELSEWHERE = ("Environment",)


@dataclasses.dataclass
class Section:
    title: str
    lines: list[str]

    def entries(self) -> list[tuple[str, str]]:
        """Flags or arguments, each with its sentences."""
        found: list[tuple[str, list[str]]] = []
        for line in self.lines:
            if entry := ENTRY.match(line):
                found.append((entry[1], [entry[2] or ""]))
            elif found and (not line.strip() or line.startswith("       ")):
                found[-1][1].append(line)
            else:
                return []
        return [(name, sentences(lines)) for name, lines in found]


@dataclasses.dataclass
class Help:
    """The help of a command: what it does, how it is used, and its sections."""

    command: str
    about: str
    usage: str
    sections: list[Section]
    subcommands: list[str]

    def section(self, title: str) -> Section | None:
        return next((section for section in self.sections if section.title.startswith(title)), None)


def sentences(lines: list[str]) -> str:
    """Wrapped lines as paragraphs; a list stays a list."""
    paragraphs = re.split(r"\n\s*\n", "\n".join(line.strip() for line in lines).strip())
    made = []
    for paragraph in paragraphs:
        if "\n- " in f"\n{paragraph}":
            made.append(re.sub(r"\n(?!- |\n)", " ", re.sub(r"^(?!- )(.*)\n- ", r"\1\n\n- ", paragraph)))
        else:
            made.append(paragraph.replace("\n", " "))
    return "\n\n".join(made)


def prose(text: str) -> str:
    """Text as Markdown: placeholders are not HTML, stars not emphasis, and flags are code, which is not broken after a hyphen."""
    text = text.replace("<", "&lt;").replace("*", r"\*")
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"(?<![\w-])--[a-z][\w-]*", r"`\g<0>`{ .flag }", part) for part in parts)


def help_of(program: pathlib.Path, words: list[str]) -> Help:
    """Runs `PROGRAM WORDS --help`."""
    text = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True, env={}).stdout
    about, _, rest = text.partition("\nUsage: ")
    usage, _, rest = rest.partition("\n")
    sections: list[Section] = []
    lines = rest.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if (title := re.match(r"^([A-Z][^:]*):$", line)) and following.startswith(" "):
            sections.append(Section(title[1], []))
        elif line and not line.startswith(" "):
            # A paragraph between the sections.
            if not sections or sections[-1].title:
                sections.append(Section("", []))
            sections[-1].lines.append(line)
        elif sections:
            sections[-1].lines.append(line)
    command = " ".join([program.name, *words])
    names: list[str] = []
    if "<COMMAND>" in usage:
        options = next(index for index, section in enumerate(sections) if section.title == "Options")
        lists, sections = sections[:options], sections[options:]
        listed = [found[1] for section in lists for line in section.lines if (found := re.match(r"^  (\w[\w-]*)(?:  |$)", line))]
        names = [name for name in listed if name != "help"]
    return Help(command, about.strip(), usage.strip(), sections, names)


def all_helps(program: pathlib.Path, words: tuple[str, ...] = ()) -> Iterator[Help]:
    """The help of a command and of its subcommands."""
    found = help_of(program, list(words))
    yield found
    for name in found.subcommands:
        yield from all_helps(program, (*words, name))


def flag_anchor(help_: Help, entry: str) -> str:
    """The anchor of a flag or argument: `eiot refresh --from` is `refresh--from`."""
    name = re.search(r"--[\w-]+", entry)
    words = help_.command.split(" ")[1:]
    return "-".join(words) + (name[0] if name else "-" + re.sub(r"\W", "", entry).lower())


def option_of(entry: str) -> str:
    """The option of a client that a flag sets, if it is one: `--rate-dir <DIR>` is `rate_dir`."""
    name = re.search(r"--([\w-]+)", entry)
    return name[1].replace("-", "_") if name else ""


class English:
    """What `chinese.Help` has for Chinese pages: the texts as they are."""

    colon = ": "

    def __call__(self, text: str) -> str:
        return text

    def entry(self, text: str) -> str:
        return text

    def option(self, name: str, text: str) -> str:
        return re.sub(r" \[EIOT_\w+\]$", "", text)


ROW = re.compile(r"^( {2,4})(\S(?:.*?\S)?) {2,}(\S.*)$")


def body(paragraph: str, colon: str, translated: Callable[[str], str] = str) -> str:
    """A paragraph of the help as Markdown: two columns as a list, what is indented further than the text as code. The paragraph is
    translated already, unless its second column is to be, row by row."""
    made: list[tuple[str, str, str]] = []
    row_indent = 0
    for line in paragraph.splitlines():
        indent = len(line) - len(line.lstrip())
        last = made[-1][0] if made else ""
        if row := ROW.match(line):
            row_indent = indent
            made.append(("row", row[2], row[3]))
        elif last == "row" and indent > row_indent:
            made[-1] = ("row", made[-1][1], f"{made[-1][2]} {line.strip()}")
        elif indent >= 4:
            made.append(("code", "", line[4:]))
        elif last == "prose":
            made[-1] = ("prose", "", f"{made[-1][2]} {line.strip()}")
        else:
            made.append(("prose", "", line.strip()))
    parts = []
    for kind, group in itertools.groupby(made, lambda one: one[0]):
        if kind == "row":
            parts.append("\n".join(f"- `{name}`{colon}{prose(translated(text))}" for _, name, text in group))
        elif text := "\n".join(text for _, _, text in group):
            parts.append(f"```text\n{text}\n```" if kind == "code" else prose(text))
    return "\n\n".join(parts)


def text_of(section: Section, words: English | chinese.Help) -> str:
    """A section without flags, as Markdown."""
    if section.title == "Exit codes":
        lines = "\n".join(section.lines)
        return f"**{words('Exit codes:').rstrip(':：')}**\n\n{body(lines, words.colon, words)}\n"
    parts = []
    paragraphs = "\n".join(section.lines).strip("\n").split("\n\n")
    for number, paragraph in enumerate(paragraphs):
        if section.title.startswith("Example"):
            code = re.sub(r"^  ", "", paragraph, flags=re.M)
            parts.append(f"**{words(section.title)}**\n\n```sh\n{code}\n```")
            continue
        if number == 0 and section.title:
            title, _, paragraph = words(f"{section.title}:\n{paragraph}").partition("\n")
            parts.append(f"**{title.rstrip(':：')}**")
        elif listed := re.match(r"Faults: ", paragraph):
            names = " ".join(paragraph[listed.end() :].split()).rstrip(".")
            parts.append(f"**{words(listed[0]).rstrip(' :：')}**{words.colon}`{names}`")
            continue
        else:
            paragraph = words(paragraph)
        parts.append(body(paragraph, words.colon))
    return "\n\n".join(parts) + "\n"


def page_of(help_: Help, level: str, options: set[str], words: English | chinese.Help) -> str:
    """A command as a section of a page. Each flag is a heading, so that it has an anchor and is found; the options of a client have a page
    of their own."""
    parts = []
    if level:
        parts.append(f"{level} {help_.command} {{ #{'-'.join(help_.command.split(' ')[1:]) or help_.command} }}\n")
    parts += [prose(words(paragraph)) + "\n" for paragraph in sentences(help_.about.splitlines()).split("\n\n")]
    parts.append(f"```text\n{help_.usage}\n```\n")
    parts += [f"- [`{help_.command} {name}`](#{'-'.join([*help_.command.split(' ')[1:], name])})" for name in help_.subcommands] + [""]
    for section in help_.sections:
        if section.title.startswith(ELSEWHERE):
            continue
        entries = section.entries() if section.title else []
        if not entries:
            parts.append(text_of(section, words))
            continue
        parts.append(f"**{words(section.title)}**\n")
        for entry, text in entries:
            if entry.endswith(("--help", "--version")):
                continue
            name = option_of(entry)
            if name in options:
                short = prose(words.option(name, text))
                parts.append(f'- <span id="{flag_anchor(help_, entry)}"></span>[`{entry}`](options.md#{name}){words.colon}{short}')
                continue
            parts.append(f"\n#### `{entry}` {{ #{flag_anchor(help_, entry)} }}\n\n{prose(words.entry(text))}\n")
        parts.append("")
    return "\n".join(parts)
