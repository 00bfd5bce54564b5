"""The pages of the error kinds, from errors.md, which `eiot explain` reads too: a page for each kind, and the tables on one."""

import re

from pages import ERRORS, Tree, headless, kinds, page_of_kind, read

SOURCE = f"docs/{ERRORS}"
ROW = re.compile(r"^\| `(\w+)` \| `(EIOT_ERR_\w+)` (\d+) \| `(\w+)` \| (\d+) \| *(.*?) *\|$", re.M)
CODE = re.compile(r"^\| (\d+) \| `(\w+)`.*$", re.M)


def split(tree: Tree, words: dict[str, str]) -> None:
    """Moves the section of each kind to a page of its own. The table of kinds has the old anchors, and leads there."""
    path = tree.directory / ERRORS
    text = path.read_text(encoding="utf-8")
    head, *parts = re.split(r"^(?=## )", text, flags=re.M)
    rows = {row[0]: row[1:] for row in ROW.findall(text)}
    kept = [head]
    for part in parts:
        title, _, body = part.partition("\n")
        kind = title.split()[1]
        if kind in rows:
            codes = [code for code, its_kind in CODE.findall(text) if its_kind == kind]
            tree.write(page_of_kind(kind), page(kind, moved(body), facts(*rows.pop(kind), codes, words), words))
        else:
            kept.append(with_anchors(part))
    if rows:
        raise SystemExit(f"{SOURCE} has no section of {', '.join(rows)}")
    text = re.sub(ROW, lambda row: row[0].replace(f"`{row[1]}`", f'<span id="{row[1]}"></span>[`{row[1]}`]({page_of_kind(row[1])})', 1), "".join(kept))
    path.write_text(text, encoding="utf-8")


def page(kind: str, body: str, table: str, words: dict[str, str]) -> str:
    return f"# {kind}\n\n{body.strip()}\n\n## {words['in_your_program']} {{ #in-your-program }}\n\n{table}\n\n{words['error_more'].format(kind=kind)}\n"


def facts(constant: str, number: str, exception: str, exit_code: str, retried: str, codes: list[str], words: dict[str, str]) -> str:
    """The row of the table of kinds, as a table of its own."""
    rows = [
        ("C", f"[`{constant}`](../reference/c.md#{constant}), {number}"),
        ("Python", f"[`{exception}`](../reference/python.md#eiot.{exception})"),
        (words["exit_code"], f"[{exit_code}](../errors.md#exit-{exit_code})"),
        (words["retried"], retried or words["no"]),
    ]
    if codes:
        rows.append((words["index_codes"], ", ".join(f"[{code}](../errors.md#code-{code})" for code in codes)))
    return headless(rows)


def moved(text: str) -> str:
    """The links of a section as seen from its own page."""

    def link(found: re.Match[str]) -> str:
        target = found[1]
        if re.match(r"[a-z]+:", target):
            return found[0]
        if target.startswith("#"):
            return f"](../{ERRORS}{target})"
        return f"]({target.removeprefix('errors/')})" if target.startswith("errors/") else f"](../{target})"

    return re.sub(r"\]\(([^()\s]+)\)", link, text)


def with_anchors(part: str) -> str:
    """A section with an anchor for each exit code, or for each of the platform's codes."""
    return re.sub(r"^\| (\d+) \|", rf'| <span id="{prefix_of(part)}-\1">\1</span> |', part, flags=re.M)


def prefix_of(part: str) -> str:
    return "exit" if re.match(r"## Exit codes\n|## .* \{ #exit-codes \}\n", part) else "code"


def numbers() -> list[tuple[str, str]]:
    """Each number in the tables, with its prefix: those of exit codes, and the platform's."""
    return [(prefix_of(part), code) for part in re.split(r"^(?=## )", read(SOURCE), flags=re.M) for code in re.findall(r"^\| (\d+) \|", part, re.M)]
