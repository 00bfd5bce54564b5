"""What is there in English is there in Chinese too, and says the same.

After you have translated what has changed, write the hashes: EIOT_WRITE_TRANSLATIONS=PAGE, PAGE#SECTION or all.
"""

import json
import os
import re
import subprocess
from urllib.parse import unquote

import pytest
import translations
from translations import ROOT, blocks, chinese, names, read, references, sections

WRITE = set(filter(None, os.environ.get("EIOT_WRITE_TRANSLATIONS", "").split(",")))


def pages(*patterns):
    found = (str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern))
    return sorted(page for page in found if not page.endswith(".zh.md"))


# Every page for users is in one of these.
PAGES = pages(
    "README.md", "docs/errors.md", "docs/operations.md", "docs/go-live.md", "docs/platforms.md", "docs/statistics.md",
    "docs/abi.md", "docs/python-recipes.md", "bindings/README.md", "bindings/*/README.md", "crates/sim/README.md", "docs/cookbook/*.md",
)  # fmt: skip
# What only those read who change eiot, or look up a detail.
ENGLISH_ONLY = {
    "CHANGELOG.md", "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md", "docs/architecture.md", "docs/benchmarks.md",
}  # fmt: skip
# For translators.
CHINESE_ONLY = {"docs/glossary.zh.md"}
# The Chinese of the references, which the site shows beside signatures from the sources.
REFERENCES = {name: references.source_of(name) for name in translations.SOURCES}
# What the Python package index shows has no links to other files.
WITHOUT_LINKS = {"bindings/python/README.md"}
# Names that stand in one language only, since the other says it without them: page#section, names.
EXCEPTIONS = {}

every_page = pytest.mark.parametrize("page", PAGES)


def pairs(page):
    """English sections with their Chinese ones."""
    english = {section.anchor: section for section in sections(read(page))}
    return [(english[section.source], section) for section in sections(read(chinese(page))) if section.source in english]


def test_translations_every_page_exists_in_both_languages_or_is_listed_as_english_only():
    everything = set(pages("*.md", "docs/**/*.md", "bindings/*.md", "bindings/*/README.md", "crates/*/README.md", "examples/**/*.md"))
    unlisted = everything - set(PAGES) - ENGLISH_ONLY
    assert not unlisted, f"put a new page into PAGES or ENGLISH_ONLY: {unlisted}"
    missing = [page for page in PAGES if not (ROOT / chinese(page)).exists()]
    assert not missing, f"no Chinese page (.zh.md) of {missing}"
    in_chinese = {str(path.relative_to(ROOT)) for pattern in ("*.zh.md", "docs/**/*.zh.md", "bindings/**/*.zh.md", "crates/*/*.zh.md") for path in ROOT.glob(pattern)}
    assert in_chinese - {chinese(page) for page in PAGES} == CHINESE_ONLY | set(REFERENCES.values()), "Chinese pages of no English one"


@every_page
def test_translations_have_the_same_sections(page):
    if WRITE:
        (ROOT / chinese(page)).write_text(translations.stamped(page, WRITE), encoding="utf-8")
    english, other = sections(read(page)), sections(read(chinese(page)))
    assert [section.anchor for section in english] == [section.source for section in other]
    assert [section.level for section in english] == [section.level for section in other]


@every_page
def test_translations_are_of_the_english_text_as_it_is(page):
    stale = [
        f"{page}#{english.anchor} has changed since it was translated; update {chinese(page)}, then run this test with "
        f"EIOT_WRITE_TRANSLATIONS={page}#{english.anchor}\n{translations.difference(page, english, section.source_hash)}"
        for english, section in pairs(page)
        if english.hash() != section.source_hash
    ]
    assert not stale, "\n\n" + "\n\n".join(stale)


@every_page
def test_translations_have_the_same_code(page):
    for english, section in pairs(page):
        assert blocks(section.text) == blocks(english.text), f"{page}#{english.anchor}"


def first_column(text):
    """What the first cell of each row has in `code`, or as a number; other cells are text."""
    cells = re.findall(r"^ *\|\s*(.*?)\s*\|", text, re.M)
    return [cell if cell.isdigit() else re.findall(r"`[^`]*`", cell) for cell in cells]


@every_page
def test_translations_have_the_same_names_and_tables(page):
    """Options, kinds, codes, flags, functions: what stands in `code`, and the first column of tables of such."""
    for english, section in pairs(page):
        place = f"{page}#{english.anchor}"
        assert names(section.text) ^ names(english.text) == EXCEPTIONS.get(place, set()), place
        assert first_column(section.text) == first_column(english.text), place


@every_page
def test_translations_are_linked_from_each_other(page):
    name = page.rsplit("/", 1)[-1]
    there, back = f"English · [简体中文]({chinese(name)})", f"[English]({name}) · 简体中文"
    if page in WITHOUT_LINKS:
        there = f"English · 简体中文：`{chinese(name)}` in the sources"
    assert read(page).splitlines()[2] == there
    assert read(chinese(page)).splitlines()[3] == back


@every_page
def test_translations_link_to_chinese_pages_and_to_headings_that_exist(page):
    folder = (ROOT / page).parent
    text = re.sub(r"^ *```.*?^ *```$", "", read(chinese(page)), flags=re.M | re.S)
    text = translations.LANGUAGES.sub("", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (folder / file).resolve() if file else ROOT / chinese(page)
        assert path.exists(), target
        if path.suffix == ".md":
            inside = str(path.relative_to(ROOT))
            assert inside not in PAGES, f"{target}: there is a Chinese page"
            anchors = {section.anchor for section in sections(read(inside))}
            assert not anchor or unquote(anchor) in anchors, f"{target}: no such heading; there are {sorted(anchors)}"


def prose(page):
    """Lines without code, links' targets and the platform's own words."""
    words = [case["zh"] for case in error_codes()]
    text = re.sub(r"^ *```.*?^ *```$", "", read(page), flags=re.M | re.S)
    text = re.sub(r"\]\([^)]*\)|^<!--.*-->$", "", text, flags=re.M)
    for word in words:
        text = text.replace(word, "X" if word.isascii() else "")
    return re.sub(r"`[^`]*`", "`c`", text)


def error_codes():
    return json.loads(read("tests/vectors/error_codes.json"))["codes"]


CHINESE_PAGES = [*(chinese(page) for page in PAGES), *sorted(CHINESE_ONLY), *REFERENCES.values()]
WIDE = r"[\u4e00-\u9fff]"


@pytest.mark.parametrize("page", CHINESE_PAGES)
def test_translations_are_set_as_chinese_is(page):
    """Full-width punctuation; a space between Chinese and other words; a paragraph is one line."""
    wrong = []
    lines = prose(page).splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        # Without bold words that begin a paragraph like a heading, marks, and the lines of tables.
        plain = re.sub(r"(?<=[。：？])\*\* ", "", line).replace("**", "").strip("- |").replace(" | ", "|")
        for rule, pattern in {
            "half-width punctuation": rf"{WIDE}[,;:?!](?=\s*{WIDE}|$)|{WIDE}[.](\s|$)|\({WIDE}|{WIDE}\)",
            "no space": rf"{WIDE}[A-Za-z0-9`]|[A-Za-z0-9`%]{WIDE}",
            "a space beside full-width punctuation": r"[，。；：！？、（）] (?=\S)|\S [，。；：！？、（）]",
        }.items():
            if found := re.search(pattern, plain):
                wrong.append(f"{rule}: {plain[max(0, found.start() - 15) : found.end() + 15]}")
        if re.match(rf"[^#|\-\d<\s].*{WIDE}", line) and re.match(r"[^#|\-\d<\s`]", following):
            wrong.append(f"a paragraph of several lines: {line[-20:]} / {following[:20]}")
    assert not wrong, "\n".join(wrong)


def test_translations_name_every_kind_code_and_exit_code():
    """Both pages about errors have a section for each kind and a row for each code; `eiot explain` reads them."""
    kinds = re.findall(r"^\| `(\w+)` \| `EIOT_ERR_", read("docs/errors.md"), re.M)
    header = set(re.findall(r"\bEIOT_ERR_\w+(?= \d)", (ROOT / "include" / "eiot.h").read_text(encoding="utf-8")))
    assert len(kinds) == len(header) and len(kinds) > 10
    for page in ("docs/errors.md", "docs/errors.zh.md"):
        text = read(page)
        headings = {section.heading for section in sections(text)}
        assert set(kinds) <= headings, page
        for case in error_codes():
            assert re.search(rf"^\| {case['code']} \| .*\| {re.escape(case['zh'])} \|", text, re.M), (page, case)
        (exit_codes,) = [section.text for section in sections(text) if section.heading in ("Exit codes", "退出码")]
        assert re.findall(r"^\| (\d+) \|", exit_codes, re.M) == ["0", "1", "2", "3", "70", "130", "141"], page


def test_translations_have_every_option():
    options = re.findall(r"^\| `(\w+)` \|", read("README.md").split("<!-- options: begin -->")[1].split("<!-- options: end -->")[0], re.M)
    table = read("README.zh.md").split("<!-- options: begin -->")[1].split("<!-- options: end -->")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == options
    assert re.findall(r"^\[options\.(\w+)\]", read("crates/cli/src/help.zh.toml"), re.M) == options


@pytest.fixture(params=REFERENCES)
def reference(request):
    """The name of a reference that is made from sources which can be read here."""
    if request.param == "python":
        pytest.importorskip("griffe", reason="griffe is not installed (tests/requirements.txt has it)")
    if WRITE:
        (ROOT / REFERENCES[request.param]).write_text(translations.reference_stamped(request.param, WRITE), encoding="utf-8")
        references.read.cache_clear()
    return request.param


def test_translations_of_a_reference_have_every_function_class_and_constant(reference):
    marked, expected = references.hashes(reference).keys(), references.english_items(reference).keys()
    assert len(expected) > 100
    missing, left_over = sorted(expected - marked), sorted(marked - expected)
    assert not missing, f"{REFERENCES[reference]} has no Chinese for these"
    assert not left_over, f"{REFERENCES[reference]} has these, and {translations.SOURCES[reference]} has not"
    assert [name for name, text in references.items(reference).items() if not re.search(WIDE, text)] == []


def test_translations_of_a_reference_are_of_the_comments_as_they_are(reference):
    marked, now = references.hashes(reference), references.english_items(reference)
    stale = [
        f"{item} has changed since it was translated; update {REFERENCES[reference]}, then run this test with "
        f"EIOT_WRITE_TRANSLATIONS='{REFERENCES[reference]}#{item}'\n"
        + translations.reference_difference(reference, item, marked[item], now[item])
        for item in now.keys() & marked.keys()
        if translations.hash_of(now[item]) != marked[item]
    ]
    assert not stale, "\n\n" + "\n\n".join(sorted(stale))


def test_translations_guard_notices_a_change_and_shows_it():
    before = "# A\n\n## B c\n\nold words\n\n```sh\nx  # comment\n```\n"
    after = before.replace("old", "new")
    one, other = sections(before)[1], sections(after)[1]
    assert (one.anchor, one.level) == ("b-c", 2) and one.hash() != other.hash()
    assert sections(before.replace("old words", "old\nwords"))[1].hash() == one.hash()
    assert blocks(one.text) == blocks(one.text.replace("comment", "注释")) != blocks(one.text.replace("x ", "y "))
    assert names("`a` and `b.zh.md`") == {"a", "b.md"}
    assert "git has no version" in translations.difference("README.md", one, "00000000")


def test_translations_guard_finds_the_version_that_was_translated():
    """Where git has the history, of some section that has changed."""
    log = subprocess.run(["git", "log", "--format=%H", "--", "README.md"], cwd=ROOT, capture_output=True, text=True)
    if len(log.stdout.split()) < 2:
        pytest.skip("git has one version of README.md, or none")
    now = {section.anchor: section for section in sections(read("README.md"))}
    first = subprocess.run(["git", "show", f"{log.stdout.split()[-1]}:README.md"], cwd=ROOT, capture_output=True, text=True).stdout
    changed = [section for section in sections(first) if section.anchor in now and now[section.anchor].hash() != section.hash()]
    if not changed:
        pytest.skip("no section of README.md has changed")
    shown = translations.difference("README.md", now[changed[0].anchor], changed[0].hash())
    assert "--- translated" in shown and "+++ now" in shown
