"""The reference pages of C and C++, from the comments of their headers."""

import dataclasses
import pathlib
import re
import textwrap

COMMENT = re.compile(r"/\*\*\s*(.*?)\s*\*/", re.S)
# Objects in the order in which a program meets them; the others follow.
# Chinese texts have bold words.
LONE_STAR = r"(?<!\*)\*(?!\*)"
# The name of what stands at the top, for its translation.
INTRODUCTION = "introduction"
ORDER = ["config", "client", "cancel", "batch", "result", "reply", "error", "event"]


@dataclasses.dataclass
class Item:
    """Something that has a comment: its name, its declarations as they are in the header, and the comment as Markdown."""

    name: str
    declarations: list[str]
    comments: list[str]

    def page(self, level: str, lexer: str, chinese: dict[str, str] | None) -> str:
        """A section. In Chinese, one text stands for the comments of all overloads, and examples are those of the comments."""
        parts = [f"{level} {self.name.replace('<', '&lt;')} {{ #{anchor(self.name)} }}\n"]
        if chinese is not None:
            code = "\n".join(map(narrow, self.declarations))
            parts += [f"```{lexer}\n{code}\n```\n\n{escaped(chinese[self.name], LONE_STAR)}\n", *map(examples, self.comments)]
            return "\n".join(parts)
        for declaration, comment in zip(self.declarations, self.comments, strict=True):
            parts.append(f"```{lexer}\n{narrow(declaration)}\n```\n\n{escaped(comment)}\n")
        return "\n".join(parts)

    def source(self) -> str:
        """What a translation is of."""
        return "\n".join(part for pair in zip(self.declarations, self.comments, strict=True) for part in pair)


def narrow(declaration: str) -> str:
    """For phones: parameters on lines of their own begin below the name, not below the parenthesis."""
    return re.sub(r"\((?=[^()\n]*,\n)", "(\n    ", re.sub(r"\n {5,}", "\n    ", declaration))


def examples(text: str) -> str:
    """The examples of a text: what is fenced, and what is indented, which is fenced here, so that two in a row do not become one."""
    found: list[list[str]] = [[]]
    fence = False
    for line in text.splitlines():
        if line.startswith("```"):
            found += [] if fence else [[]]
            found[-1].append(line)
            found += [[]] if fence else []
            fence = not fence
        elif fence or line.startswith("    ") or not line:
            found[-1].append(line)
        else:
            found.append([])
    blocks = ["\n".join(lines).strip("\n") for lines in found]
    return "\n\n".join(one if one.startswith("```") else f"```text\n{textwrap.dedent(one)}\n```" for one in blocks if one) + "\n"


def anchor(name: str) -> str:
    """The anchor of a name; operators have no letters."""
    return re.sub(r"[^\w:~]+", "-", name).strip("-").replace("::", ".") or "operators"


def text_of(comment: str) -> str:
    """A comment without its stars. Indented examples stay code."""
    return "\n".join(re.sub(r"^\s*\* ?", "", line).rstrip() for line in comment.strip().splitlines())


def escaped(text: str, star: str = r"\*") -> str:
    """Without Markdown in what is not code: a star is a pointer or a product."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("    "):
            parts = re.split(r"(`[^`]*`)", line)
            line = "".join(part if part.startswith("`") else re.sub(star, r"\\*", part).replace("<", "&lt;") for part in parts)
        lines.append(line)
    return "\n".join(lines)


def introduced(header: str, chinese: dict[str, str] | None) -> str:
    """The introduction, in Chinese with the examples of the header."""
    if chinese is None:
        return introduction(header)
    return f"{examples(introduction(header))}\n{escaped(chinese[INTRODUCTION], LONE_STAR)}"


def introduction(header: str) -> str:
    """The comment at the top of a header: paragraphs, an indented example, and a list of terms with their explanations."""
    found = re.match(r"/\*\n(.*?)\n \*/", header, re.S)
    if not found:
        raise SystemExit("a header does not begin with a comment")
    lines = [re.sub(r"^ \* ?", "", line) for line in found[1].splitlines()]
    # A term, at least two blanks, and its explanation, which goes on in the same column.
    term = re.compile(r"^ {0,2}([A-Z]\w+) {2,}(\S.*)$")
    made: list[str] = []
    for line in lines:
        if opened := term.match(line):
            made += ["", f"**{opened[1]}.** {escaped(opened[2])}"]
        elif re.match(r" {10,}\S", line) and made and not made[-1].startswith("    "):
            made.append(escaped(line.strip()))
        else:
            made.append(escaped(line))
    return "\n".join(made[1:] if made[0].startswith("eiot") and not made[1] else made)


def c_items(header: str) -> list[Item]:
    """Everything in eiot.h that has a comment."""
    items = []
    for found in COMMENT.finditer(header):
        rest = header[found.end() :].lstrip("\n")
        if rest.startswith("#define"):
            declaration = rest.splitlines()[0]
            name = declaration.split()[1]
        else:
            declaration = rest[: rest.index(";") + 1]
            named = re.search(r"\(\*(\w+)\)\(", declaration) if declaration.startswith("typedef") else re.search(r"(\w+)\(", declaration)
            name = named[1] if named else declaration.rstrip(";").split()[-1]
        items.append(Item(name, [declaration], [text_of(found[1])]))
    return items


def c_page(header: pathlib.Path, words: dict[str, str], chinese: dict[str, str] | None) -> tuple[str, list[str]]:
    """The page of eiot.h, and the names of its functions. `chinese` has the Chinese texts of a Chinese page."""
    text = header.read_text(encoding="utf-8")
    items = c_items(text)
    functions = [item for item in items if not item.declarations[0].startswith(("typedef", "#define"))]
    types = [item for item in items if item.declarations[0].startswith("typedef")]
    constants = [item for item in items if item.declarations[0].startswith("#define")]

    groups: dict[str, list[Item]] = {}
    for item in functions:
        group = re.match(rf"eiot_({'|'.join(ORDER)})_", item.name)
        groups.setdefault(group[1] if group else "", []).append(item)
    known = {item.name for item in items}
    parts = [f"# {words['c']}\n\n{words['c_intro']}\n\n{introduced(text, chinese)}\n"]
    parts.append(f"## {words['functions']} {{ #functions }}\n")
    parts += [item.page("###", "c", chinese) for item in groups.pop("", [])]
    for group in ORDER:
        parts.append(f"## eiot_{group} {{ #{group} }}\n")
        parts += [item.page("###", "c", chinese) for item in groups.pop(group, [])]
    assert not groups
    for title, chosen in (("types", types), ("constants", constants)):
        parts.append(f"## {words[title]} {{ #{title} }}\n")
        parts += [item.page("###", "c", chinese) for item in chosen]
    return linked("\n".join(parts), known, ""), [item.name for item in functions]


def linked(text: str, known: set[str], page: str) -> str:
    """Names in backticks as links to their section."""

    def link(found: re.Match[str]) -> str:
        return f"[`{found[1]}`]({page}#{found[1]})" if found[1] in known else found[0]

    parts = re.split(r"(```.*?```)", text, flags=re.S)
    return "".join(part if part.startswith("```") else re.sub(r"`(\w+)`", link, part) for part in parts)


def cpp_items(header: str) -> list[Item]:
    """Everything in eiot.hpp that has a comment, with the class that it belongs to; overloads are one item."""
    items: dict[str, Item] = {}
    # The classes that are open, and the depth of braces inside them.
    open_scopes: list[tuple[str, int]] = []
    depth, position = 0, 0
    token = re.compile(r"/\*\*(?!<).*?\*/|/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])'|[{}]", re.S)
    while found := token.search(header, position):
        position = found.end()
        if found[0] == "{":
            depth += 1
        elif found[0] == "}":
            depth -= 1
            if open_scopes and open_scopes[-1][1] > depth:
                open_scopes.pop()
        elif found[0].startswith("/**") and not found[0].startswith("/**<"):
            declaration = declared(header, position)
            kind = re.match(r"(?:template <[^\n]*?> ?)*(class|struct|enum class|enum) (?:EIOT_NODISCARD )?([\w<>]+)", declaration)
            scope = "::".join(name for name, _ in open_scopes)
            if kind:
                name = kind[2]
                if kind[1].startswith("enum"):
                    end = header.index("};", position)
                    declaration = header[position : end + 2].strip()
                    position = end + 2
                else:
                    # Continue inside it.
                    position = header.index("{", position) + 1
                    depth += 1
                    open_scopes.append((name, depth))
            else:
                name = member_name(declaration)
            full = f"{scope}::{name}" if scope else name
            comment = text_of(found[0][3:-2].strip())
            item = items.setdefault(full, Item(full, [], []))
            item.declarations.append(declaration)
            item.comments.append(comment)
    return list(items.values())


def declared(header: str, position: int) -> str:
    """The declaration that begins here, without a body or a list of initializers."""
    depth, index = 0, position
    while index < len(header):
        letter = header[index]
        if letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif depth == 0 and letter in "{;":
            break
        elif depth == 0 and letter == ":" and header[index - 1] == " " and header[index + 1] == " " and ")" in header[position:index]:
            break
        elif depth == 0 and letter == ":" and header[index - 1].isspace() and header[index + 1] == " " and ")" in header[position:index]:
            break
        index += 1
    lines = [line.strip() for line in header[position:index].strip().splitlines()]
    return "\n".join(line if number == 0 else f"    {line}" for number, line in enumerate(lines)).strip()


def member_name(declaration: str) -> str:
    if operator := re.search(r"operator ?([^\s(]+|\(\))\(", declaration):
        return f"operator {operator[1]}"
    before = re.split(r"\(", re.sub(r"template <[^\n]*?>\s", "", declaration), maxsplit=1)[0]
    name = re.search(r"(~?\w+)\s*$", before.split("=")[0].strip())
    return name[1] if name else before


def cpp_page(header: pathlib.Path, words: dict[str, str], chinese: dict[str, str] | None) -> tuple[str, list[str]]:
    """The page of eiot.hpp, and its names."""
    text = header.read_text(encoding="utf-8")
    items = cpp_items(text)
    parts = [f"# {words['cpp']}\n\n{words['cpp_intro']}\n\n{introduced(text, chinese)}\n"]
    order = sorted(items, key=lambda item: "::" not in item.name and not item.declarations[0].startswith(("class", "template", "enum", "struct")))
    for item in order:
        top = "::" not in item.name
        parts.append(item.page("##" if top else "###", "cpp", chinese))
    return "\n".join(parts), [item.name for item in items]
