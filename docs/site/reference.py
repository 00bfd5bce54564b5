"""The pages of the reference that are made from tables and from the help: options, the command, the simulator, the index."""

import dataclasses
import pathlib
import re

import chinese
import errors
import headers
import helps
import python_page
from pages import ROOT, Tree, chinese_of, headless, kinds, page_of_kind, read
from words import WORDS

ROW = re.compile(r"^\| (.+) \|$")


def table_rows(text: str) -> list[list[str]]:
    """The cells of all tables, without their heads."""
    rows = []
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if (row := ROW.match(line)) and not re.match(r"^\|[-| ]+\|$", line):
            if index + 1 < len(lines) and re.match(r"^\|[-| ]+\|$", lines[index + 1]):
                continue
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))])
    return rows


def options_of(readme: str) -> list[tuple[str, str, str]]:
    """The table of options of a README: name, default, sentences."""
    found = re.search(r"<!-- options: begin -->\n(.*?)<!-- options: end -->", readme, re.S)
    if not found:
        raise SystemExit("a README has no table of options")
    return [(row[0].strip("`"), row[1], row[2]) for row in table_rows(found[1])]


@dataclasses.dataclass
class Index:
    """Every public name by group, and the page and anchor where it is described."""

    groups: dict[str, list[tuple[str, str]]] = dataclasses.field(default_factory=dict)

    def add(self, group: str, name: str, target: str) -> None:
        self.groups.setdefault(group, []).append((name, target))

    def page(self, words: dict[str, str]) -> str:
        parts = [f"---\nsearch:\n  exclude: true\n---\n\n# {words['index']}\n\n{words['index_intro']}\n"]
        for group, names in self.groups.items():
            parts.append(f"## {words[group]} {{ #{group} }}\n\n<div class=\"index\" markdown>\n")
            parts += [f"- [`{name}`]({target})" for name, target in sorted(names, key=in_order)]
            parts.append("\n</div>\n")
        return "\n".join(parts)


def in_order(entry: tuple[str, str]) -> tuple[int, str]:
    """Numbers by their value, names by their letters."""
    name = entry[0]
    return (int(name), "") if name.isdigit() else (0, name.lower())


def options_page(tree: Tree, words: dict[str, str], functions: list[str], flags: set[str], index: Index) -> str:
    source = (chinese_of("README.md") if tree.language == "zh" else None) or "README.md"
    parts = [f"# {words['options']}\n\n{words['options_intro']}\n"]
    for name, default, text in options_of(read(source)):
        setters = [one for one in functions if re.fullmatch(rf"eiot_config_set_{name}(_ms)?", one)]
        flag = f"--{name.replace('_', '-')}"
        parts.append(f"## {name} {{ #{name} }}\n\n{text}\n")
        shell = f"[`{flag}`](command.md#refresh{flag})" if name in flags else words["not_a_flag"]
        rows = [
            (words["default"], default),
            (words["in_c"], ", ".join(f"[`{one}`](c.md#{one})" for one in setters)),
            (words["in_python"], f"[`{name}=`](python.md#eiot.Client)"),
            (words["flag"], shell),
            (words["variable"], f"`EIOT_{name.upper()}`"),
        ]
        parts.append(headless(rows) + "\n")
        index.add("index_options", name, f"options.md#{name}")
    return "\n".join(parts)


def command_page(
    all_helps: list[helps.Help], words: dict[str, str], texts: helps.English | chinese.Help, options: set[str], index: Index
) -> tuple[str, set[str]]:
    """The page, and those of the client's options that are flags of `eiot refresh`."""
    parts = [f"# {words['command']}\n\n{words['command_intro']}\n"]
    flags: set[str] = set()
    for one in all_helps:
        parts.append(helps.page_of(one, "##", options, texts))
        anchor = "-".join(one.command.split(" ")[1:]) or one.command
        index.add("index_commands", one.command, f"command.md#{anchor}")
        if one.command == "eiot refresh":
            flags = {helps.option_of(entry) for section in one.sections for entry, _ in section.entries()} & options
    return "\n".join(parts), flags


def rust_page(words: dict[str, str], has_rustdoc: bool, up: str) -> str:
    link = f'<a href="{up}rust/eiot/index.html">{words["rust_link"]}</a>' if has_rustdoc else words["rust_missing"]
    return f"# {words['rust']}\n\n{words['rust_intro']}\n\n{link}\n"


def finish_errors(tree: Tree, words: dict[str, str], index: Index) -> None:
    errors.split(tree, words)
    for kind in kinds():
        index.add("index_kinds", kind, f"../{page_of_kind(kind)}")
    for prefix, number in errors.numbers():
        index.add("index_exits" if prefix == "exit" else "index_codes", number, f"../errors.md#{prefix}-{number}")


def finish_simulator(tree: Tree, index: Index, faults: list[str]) -> None:
    """An anchor for each fault."""
    path = tree.directory / "simulator.md"
    text = path.read_text(encoding="utf-8")
    for fault in faults:
        text, number = re.subn(rf"^\| (`{fault}(?:=[^`]*|\[[^`]*)?`) \|", rf'| <span id="fault-{fault}"></span>\1 |', text, flags=re.M)
        if number != 1:
            raise SystemExit(f"crates/sim/README.md has {number} rows for the fault {fault}")
        index.add("index_faults", fault, f"../simulator.md#fault-{fault}")
    path.write_text(text, encoding="utf-8")


def faults_of(help_: helps.Help) -> list[str]:
    """The faults that the simulator's help lists."""
    text = " ".join(line for section in help_.sections if not section.title for line in section.lines)
    listed = re.search(r"Faults: (.*?)\.(?: |$)", text)
    if not listed:
        raise SystemExit("eiot-sim --help lists no faults")
    return re.findall(r"([a-z][a-z-]*)(?:=[^,]*(?:\[,[A-Z-]+\])?)?(?:, |$)", listed[1])


def chinese_items(tree: Tree, name: str) -> dict[str, str]:
    """The Chinese texts of a page of the reference, with links between pages."""
    texts, expected = chinese.items(name), chinese.english_items(name).keys()
    if texts.keys() != expected:
        raise SystemExit(f"{chinese.source_of(name)}: missing {expected - texts.keys()}, left over {texts.keys() - expected}")
    return {item: tree.with_links(chinese.source_of(name), f"reference/{name}.md", text) for item, text in texts.items()}


def add_all(tree: Tree, commands: pathlib.Path, has_rustdoc: bool) -> None:
    words, index = WORDS[tree.language], Index()
    all_helps = list(helps.all_helps(commands / "eiot"))
    simulator = helps.help_of(commands / "eiot-sim", [])

    is_chinese = tree.language == "zh"
    texts = chinese.Help("crates/cli/src/help.zh.toml") if is_chinese else helps.English()
    texts_simulator = chinese.Help("crates/sim/src/help.zh.json") if is_chinese else helps.English()
    items = {name: chinese_items(tree, name) if is_chinese else None for name in ("c", "cpp", "python")}

    text, functions = headers.c_page(ROOT / "include/eiot.h", words, items["c"])
    tree.write("reference/c.md", text)
    for name in functions:
        index.add("index_c", name, f"c.md#{name}")
    text, names = headers.cpp_page(ROOT / "include/eiot.hpp", words, items["cpp"])
    tree.write("reference/cpp.md", text)
    text_python, names_python = python_page.page(ROOT / "bindings/python/python", words["python"], items["python"])
    tree.write("reference/python.md", text_python)
    for name in names_python:
        index.add("index_python", name, f"python.md#{name}")
    options = {name for name, _, _ in options_of(read("README.md"))}
    text, flags = command_page(all_helps, words, texts, options, index)
    tree.write("reference/command.md", text)
    tree.write("reference/options.md", options_page(tree, words, functions, flags, index))
    finish_errors(tree, words, index)
    for name in names:
        index.add("index_cpp", f"eiot::{name}", f"cpp.md#{headers.anchor(name)}")
    finish_simulator(tree, index, faults_of(simulator))
    tree.write("reference/simulator.md", f"# {words['simulator']}\n\n{words['simulator_intro']}\n\n{helps.page_of(simulator, '', set(), texts_simulator)}")
    for section in simulator.sections:
        for entry, _ in section.entries() if section.title else []:
            if not entry.endswith(("--help", "--version")):
                anchor = helps.flag_anchor(simulator, entry)
                index.add("index_sim", anchor, f"simulator.md#{anchor}")
    tree.write("reference/rust.md", rust_page(words, has_rustdoc, "../" if tree.language == "en" else "../../"))
    tree.write("reference/index.md", index.page(words))
