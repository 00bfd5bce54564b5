"""Makes the documentation site: `make docs`.

Two sites of the same pages, English in OUT and Chinese in OUT/zh, each with its own search. Everything they need is inside, so they can be
opened from a disk. The pages are files of the repository; the reference is made from headers, docstrings and the commands' help.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

import yaml
from pages import ERRORS, LANGUAGES, ROOT, Tree, kinds, page_of_kind, sources
from reference import add_all
from words import WORDS

HERE = pathlib.Path(__file__).resolve().parent
# The order of the navigation. Pages of docs/ that are not listed come at the end of the guide.
GUIDE = ["index.md", "go-live.md", "operations.md", "errors.md", "platforms.md", "statistics.md", "simulator.md"]
COOKBOOK = ["cookbook/index.md", "cookbook/webhooks.md", "python-recipes.md"]
LANGUAGE_PAGES = ["index", "python", "java", "csharp", "go", "php", "perl", "node", "cobol"]
REFERENCE = ["index", "options", "command", "c", "cpp", "python", "rust", "simulator"]
PROJECT = ["changelog.md", "architecture.md", "abi.md", "benchmarks.md", "contributing.md", "glossary.md", "security.md"]


def navigation(places: list[str], language: str) -> list[dict[str, list]]:
    words = WORDS[language]
    left = [place for place in places]

    def taken(wanted: list[str]) -> list[str]:
        chosen = [place for place in wanted if place in left]
        for place in chosen:
            left.remove(place)
        return chosen

    guide, project = taken(GUIDE), taken(PROJECT)
    cookbook = taken(COOKBOOK)
    cookbook += taken([place for place in left if place.startswith("cookbook/")])
    languages = taken([f"bindings/{name}.md" for name in LANGUAGE_PAGES])
    languages += taken([place for place in left if place.startswith("bindings/")])
    errors = {words["errors"]: [{words["all_errors"]: ERRORS}, *map(page_of_kind, kinds())]}
    return [
        {words["guide"]: [errors if place == ERRORS else place for place in guide + left]},
        {words["cookbook"]: cookbook},
        {words["languages"]: languages},
        {words["reference"]: [f"reference/{name}.md" for name in REFERENCE]},
        {words["project"]: project},
    ]


def configuration(language: str, places: list[str], pages: pathlib.Path, site: pathlib.Path) -> str:
    words = WORDS[language]
    # The reader's system decides between light and dark, until the reader does.
    schemes = [("", "system", "brightness-auto"), ("light", "light", "weather-sunny"), ("dark", "dark", "weather-night")]
    following = schemes[1:] + schemes[:1]
    palette = [
        {
            "media": f"(prefers-color-scheme: {media})" if media else "(prefers-color-scheme)",
            "scheme": "slate" if media == "dark" else "default",
            "primary": "blue grey",
            "toggle": {"icon": f"material/{icon}", "name": words[f"to_{after}"]},
        }
        for (media, _, icon), (_, after, _) in zip(schemes, following, strict=True)
    ]
    theme = {"language": language, "custom_dir": str(HERE / "theme"), "palette": palette}
    # Of the search: parts of a name are words as well. Chinese words are separated by zero-width spaces, which the plugin inserts.
    separator = r"[\s\u200b\u3000\-_,:!=\[\]()\"`/、。，？！；：“”（）「」《》…]+|\.(?!\d)|&[lg]t;"
    return yaml.safe_dump(
        {
            "INHERIT": str(HERE / "mkdocs.yml"),
            "site_description": words["description"],
            "docs_dir": str(pages),
            "site_dir": str(site),
            "theme": theme,
            "nav": navigation(places, language),
            "not_in_nav": "/files/",
            # The search of Chinese pages looks for English words as they are typed, so their index must have them unstemmed.
            "plugins": [{"search": {"separator": separator} | ({"pipeline": []} if language == "zh" else {})}, "offline"],
            "extra": {
                "alternate": [
                    {"name": "English", "lang": "en", "link": "" if language == "en" else "../"},
                    {"name": "简体中文", "lang": "zh", "link": "zh/" if language == "en" else ""},
                ]
            },
        },
        allow_unicode=True,
    )


def prepare(language: str, work: pathlib.Path, commands: pathlib.Path, has_rustdoc: bool) -> list[str]:
    """Writes the pages of a language; returns their places."""
    tree = Tree(language, work / language)
    places = []
    for source, place in sources().items():
        tree.add(source, place)
        places.append(place)
    add_all(tree, commands, has_rustdoc)
    return places


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--commands", type=pathlib.Path, required=True, help="the directory of eiot and eiot-sim")
    arguments.add_argument("--rustdoc", type=pathlib.Path, help="the directory that cargo doc has made; without it, the site has no Rust reference")
    arguments.add_argument("--work", type=pathlib.Path, required=True, help="a directory for what is made on the way; it is replaced")
    arguments.add_argument("--out", type=pathlib.Path, required=True, help="the site; it is replaced")
    given = arguments.parse_args()
    work, out = given.work.resolve(), given.out.resolve()
    for directory in (work, out):
        shutil.rmtree(directory, ignore_errors=True)

    running = []
    for language in LANGUAGES:
        places = prepare(language, work, given.commands, given.rustdoc is not None)
        file, site = work / f"{language}.yml", work / "sites" / language
        file.write_text(configuration(language, places, work / language, site), encoding="utf-8")
        # jieba keeps its dictionary in the directory for temporary files.
        environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "TMPDIR": str(work)}
        command = [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--strict", "--config-file", str(file)]
        running.append(
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
    # Quiet would not count warnings.
    outputs = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        told = [line for output in outputs for line in output.splitlines() if not line.startswith("INFO")]
        print(*dict.fromkeys(told), sep="\n", file=sys.stderr)
        return 1
    shutil.move(work / "sites" / "en", out)
    shutil.move(work / "sites" / "zh", out / "zh")
    # The theme's maps are for its developers.
    for path in out.rglob("*.map"):
        path.unlink()
    if given.rustdoc:
        shutil.copytree(given.rustdoc, out / "rust", ignore=shutil.ignore_patterns(".lock", "src-files*"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
