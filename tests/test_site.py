"""The documentation site, as `make docs` makes it and as a person uses it: in a browser, from the disk, on a phone, in both languages."""

import ast
import collections
import functools
import html.parser
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

import pytest
from browser import Browser, chromium
from conftest import PREFIX, TESTS, run, vectors

ROOT = TESTS.parent
SITE = ROOT / "build" / "site"
LANGUAGES = {"en": SITE, "zh": SITE / "zh"}

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="chromium is not installed (on Debian: apt-get install chromium)"),
    pytest.mark.skipif(sys.version_info < (3, 11), reason="Material for MkDocs needs Python 3.11"),
]


class Page(html.parser.HTMLParser):
    """What a page links to, what it loads, and its anchors."""

    def __init__(self, path):
        super().__init__()
        self.path, self.links, self.loads, self.anchors = path, [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        for name in ("id", "name"):
            if given.get(name):
                self.anchors.add(given[name])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "preconnect", "prefetch"):
            self.loads.append(given["href"])
        elif given.get("src"):
            self.loads.append(given["src"])

    @functools.cached_property
    def targets(self):
        """Its links into the site: file and anchor."""
        found = []
        for link in dict.fromkeys(self.links):
            parts = urllib.parse.urlsplit(link)
            if not parts.scheme:
                path = pathlib.Path(os.path.normpath(self.path.parent / urllib.parse.unquote(parts.path))) if parts.path else self.path
                found.append((path, urllib.parse.unquote(parts.fragment)))
        return found


@pytest.fixture(scope="module")
def pages():
    """Every page of the site, which is built first. Not those of rustdoc, which checks its own links."""
    flags = [f"CARGO={os.environ.get('CARGO', 'cargo')}"]
    done = subprocess.run([os.environ.get("MAKE", "make"), "docs", *flags], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {path: Page(path) for path in SITE.rglob("*.html") if SITE / "rust" not in path.parents and path.name != "404.html"}
    assert len(found) > 60
    return found


@pytest.fixture(scope="module")
def window(pages, tmp_path_factory):
    one = Browser(tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


@pytest.fixture
def browser(window):
    """A wide window. Whatever a test does in it, nothing comes from the network, and the console has no error."""
    window.resize(1200)
    window.requests.clear()
    window.errors.clear()
    yield window
    assert window.errors == []
    assert [one for one in window.requests if not one.startswith(("file:", "data:", "blob:", "about:"))] == []


def test_site_has_no_dead_link(pages):
    is_file = functools.cache(os.path.isfile)
    for page in pages.values():
        for path, anchor in page.targets:
            assert is_file(path), (page.path, path)
            # `__…` are switches of the theme.
            if anchor and path in pages and not anchor.startswith("__"):
                assert anchor in pages[path].anchors, (page.path, path, anchor)


def test_site_has_a_way_to_every_page_from_the_home_page_of_its_language(pages):
    for home in LANGUAGES.values():
        mine = {path for path in pages if (home == SITE / "zh") == (SITE / "zh" in path.parents)}
        reached, ahead = set(), [home / "index.html"]
        while ahead:
            path = ahead.pop()
            if path in mine and path not in reached:
                reached.add(path)
                ahead += [target for target, _ in pages[path].targets]
        assert reached == mine


def test_site_loads_nothing_from_elsewhere(pages):
    for page in pages.values():
        for loaded in page.loads:
            assert not re.match(r"(https?:)?//", loaded), (page.path, loaded)
    for style in SITE.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", style.read_text(encoding="utf-8")), style


def test_site_has_each_page_in_both_languages(pages):
    english, chinese = ({path.relative_to(home) for path in pages if home in path.parents} for home in LANGUAGES.values())
    assert {path for path in english if path.parts[0] != "zh"} == chinese


def test_site_shows_no_markdown(pages):
    shown = {}
    for path in pages:
        article = path.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
        plain = re.sub(r"<(pre|code|svg)\b.*?</\1>|<[^>]*>", "", article, flags=re.S)
        if found := re.findall(r".{0,20}(?:\*\*|`|\]\(|\{ [.#]).{0,20}", plain):
            shown[path] = found[:5]
    assert not shown


def names_in_the_sources():
    """Every public name by its group in the index."""
    header = (ROOT / "include" / "eiot.h").read_text(encoding="utf-8")
    header_of_cpp = (ROOT / "include" / "eiot.hpp").read_text(encoding="utf-8")
    header_of_cpp = re.sub(r"^namespace detail \{.*?^\} // namespace detail", "", header_of_cpp, flags=re.M | re.S)
    exported = [f"eiot.{name}" for name in exports("__init__") if name != "__version__"]
    exported += [f"eiot.testing.{name}" for name in exports("testing")]
    command, simulator = PREFIX / "bin" / "eiot", os.environ["EIOT_SIM"]
    help_of_refresh = run([command, "refresh", "--help"]).stdout
    help_of_simulator = run([simulator, "--help"]).stdout
    kinds = re.findall(r'=> \(\d+, +"([a-z_]+)"', (ROOT / "crates/core/src/error/kind.rs").read_text(encoding="utf-8"))
    faults = re.search(r"^Faults: (.*?)\.\n", help_of_simulator, re.M | re.S)[1]
    # What stands between brackets or after "=" is an argument.
    faults = re.sub(r"=[A-Z]+|\[[^]]*\]", "", faults).replace("\n", " ")
    return {
        "index_c": set((ROOT / "abi/symbols.txt").read_text().split()),
        "index_python": set(exported),
        "index_options": {name.lower() for name in re.findall(r"^  EIOT_([A-Z_]+)(?:  |$)", help_of_refresh, re.M)},
        "index_kinds": set(kinds),
        "index_codes": {one["code"] for one in vectors("error_codes.json")["codes"]} | {"200"},
        "index_exits": set(re.findall(r"^  (\d+)  ", help_of_refresh.split("Exit codes:")[1], re.M)),
        "index_commands": {"eiot", *commands(command)},
        "index_faults": {fault.strip() for fault in faults.split(",")},
        "index_sim": set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_of_simulator, re.M)) - {"--help", "--version"},
        # Classes, and functions of the namespace.
        "index_cpp": {
            f"eiot::{name}"
            for name in re.findall(r"^(?:template <[^\n]*> )?(?:class|struct|enum class) (?:EIOT_NODISCARD )?(\w+) ?[:{]", header_of_cpp, re.M)
            + re.findall(r"^inline [^\n(]*?(\w+)\(", header_of_cpp, re.M)
        },
    }, header


def exports(module):
    """`__all__` of a module of the Python package."""
    package = ast.parse((ROOT / f"bindings/python/python/eiot/{module}.py").read_text(encoding="utf-8"))
    return next(ast.literal_eval(one.value) for one in package.body if isinstance(one, ast.Assign) and one.targets[0].id == "__all__")


def commands(command, words=()):
    listed = run([command, *words, "--help"]).stdout.partition("\nOptions:\n")[0]
    for name in re.findall(r"^  ([a-z]+)(?:  |$)", listed, re.M):
        if name != "help" and "<COMMAND>" in listed:
            yield " ".join(["eiot", *words, name])
            yield from commands(command, (*words, name))


@pytest.mark.parametrize("language", LANGUAGES)
def test_site_index_lists_every_public_name_with_its_page(pages, language):
    path = LANGUAGES[language] / "reference" / "index.html"
    text = path.read_text(encoding="utf-8")
    wanted, header = names_in_the_sources()
    assert len(wanted["index_kinds"]) == 17 and len(re.findall(r"^#define EIOT_ERR_", header, re.M)) == 17
    for group, names in wanted.items():
        section = text.partition(f'id="{group}"')[2].partition("<h2")[0]
        listed = {}
        for link, name in re.findall(r'<li><a href="([^"]+)"><code>([^<]+)</code></a></li>', section):
            listed[html.unescape(name)] = link
        missing = names - listed.keys()
        assert names and not missing, (group, missing)
        # C++ has members, too.
        if group != "index_cpp":
            assert not listed.keys() - names, (group, listed.keys() - names)


@pytest.mark.parametrize("language", LANGUAGES)
def test_site_has_a_page_for_each_error_kind_and_its_old_address_leads_there(browser, pages, language):
    home = LANGUAGES[language]
    kinds = re.findall(r"^\| `(\w+)` \| `(\w+)` \d+ \| `(\w+)` \| (\d+) \|", (ROOT / "docs/errors.md").read_text(encoding="utf-8"), re.M)
    assert {row[0] for row in kinds} == names_in_the_sources()[0]["index_kinds"]
    for kind, constant, exception, exit_code in kinds:
        links = set(pages[home / "errors" / f"{kind}.html"].links)
        assert links >= {f"../reference/c.html#{constant}", f"../reference/python.html#eiot.{exception}", f"../errors.html#exit-{exit_code}"}
        assert kind in pages[home / "errors.html"].anchors
    browser.open(f"file://{home}/errors.html#rate_limited")
    browser.wait_for("location.pathname.endsWith('/errors/rate_limited.html') && document.readyState === 'complete'")
    assert browser.evaluate("document.querySelector('h1').textContent").startswith("rate_limited")


@pytest.mark.parametrize("page", ["c", "cpp", "python", "command"])
def test_site_reference_in_chinese_has_chinese_for_each_item(pages, page):
    """Each section says in Chinese what it is about, and shows its code as the English page does."""
    texts = [(home / "reference" / f"{page}.html").read_text(encoding="utf-8") for home in LANGUAGES.values()]
    # Of the command, flags; the others have an item for each heading.
    heading = r'<h4 id="([^"]+)"' if page == "command" else r'<h[234] id="([^"]+)"'
    english, chinese = (re.split(heading, text.partition("</h1>")[2].partition("</article>")[0])[1:] for text in texts)
    assert english[::2] == chinese[::2] and len(english) > 100
    # Groups of functions, and commands, whose sentences are above their flags.
    without = [name for name, text in zip(chinese[::2], chinese[1::2], strict=True) if not re.search("[\u4e00-\u9fff]", text)]
    assert [name for name in without if not re.fullmatch(r"config|client|cancel|batch|result|reply|error|event", name)] == []
    code = [[re.sub(r"<.*?>", "", one) for one in re.findall(r"<pre>.*?</pre>", text, re.S)] for text in texts]
    # What is not code is Chinese.
    paragraphs = [re.sub(r"<code.*?</code>|<[^>]*>", "", one) for one in re.findall(r"<(?:p|li)>(.*?)</(?:p|li)>", "".join(chinese), re.S)]
    assert [one for one in paragraphs if len(re.findall("[A-Za-z]{3,}", one)) > 8 and not re.search("[\u4e00-\u9fff]", one)] == []
    # One text stands for all overloads.
    assert code[0] == code[1] or page in ("cpp", "command")


# What a newcomer wants, where it is, and what to search for in each language.
TASKS = {
    "first call in C": ("index.html", "quick start", "快速上手"),
    "first call in Python": ("bindings/python.html", "python tutorial", "python 教程"),
    "which scope behind PHP-FPM": ("operations.html", "php-fpm", "php-fpm"),
    "what to do on 502": ("errors.html", "502", "502"),
    "what is 501": ("errors.html", "501", "501"),
    "resume a run": ("operations.html", "resume journal", "夜间任务"),
    "verify a webhook": ("cookbook/webhooks.html", "receive webhooks", "接收 webhook"),
    "link statically": ("index.html", "link static", "静态链接"),
    "use a proxy": ("reference/options.html", "proxy", "代理"),
    "read usage": ("operations.html", "read usage", "读取用量"),
    # Names.
    "an error kind": ("errors/rate_limited.html", "rate_limited", "rate_limited"),
    "an option": ("reference/options.html", "max_auth_failures", "max_auth_failures"),
    "a C function": ("reference/c.html", "eiot_client_refresh_usage", "eiot_client_refresh_usage"),
    "a Python name": ("reference/python.html", "RateLimitedError", "RateLimitedError"),
    "a flag": ("reference/command.html", "--journal", "--journal"),
    "a fault": ("simulator.html", "gzip-bomb", "gzip-bomb"),
}


def hits(browser, query):
    """The pages that a search finds, in the order in which they are shown."""
    browser.evaluate("document.querySelector('[data-md-toggle=search]').checked || document.querySelector('label[for=__search]').click()")
    browser.evaluate("{ const field = document.querySelector('.md-search__input'); field.value = ''; field.focus() }")
    browser.wait_for("document.activeElement.matches('.md-search__input')")
    browser.evaluate("document.querySelectorAll('.md-search-result__item').forEach(one => one.remove())")
    browser.type(query)
    browser.wait_for("document.querySelectorAll('.md-search-result__item a').length > 0")
    return browser.evaluate(
        "[...document.querySelectorAll('.md-search-result__item')].map(one => one.querySelector('a').href.split('#')[0].split('?')[0])"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_site_search_finds_what_a_newcomer_wants(browser, language):
    home = LANGUAGES[language]
    browser.open(f"file://{home}/index.html")
    wrong = {}
    for task, (page, *queries) in TASKS.items():
        query = queries[list(LANGUAGES).index(language)]
        found = [one.removeprefix(f"file://{home}/") for one in hits(browser, query)[:3]]
        if page not in found:
            wrong[task] = (query, found)
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_site_has_every_task_two_clicks_from_the_home_page(pages, language):
    home = LANGUAGES[language]
    clicks, ahead = {home / "index.html": 0}, collections.deque([home / "index.html"])
    while ahead:
        path = ahead.popleft()
        for target, _ in pages[path].targets:
            if target in pages and target not in clicks:
                clicks[target] = clicks[path] + 1
                ahead.append(target)
    assert {task: clicks[home / page] for task, (page, *_) in TASKS.items() if clicks[home / page] > 2} == {}


@pytest.mark.parametrize("page", ["index.html", "errors/auth.html", "bindings/go.html"])
def test_site_switch_of_languages_keeps_the_page(browser, page):
    for here, there, language in ((SITE, SITE / "zh", "zh"), (SITE / "zh", SITE, "en")):
        browser.open(f"file://{here}/{page}")
        browser._events.clear()
        # Not before there is an answer, which would not come from a page that is left.
        browser.evaluate(f"setTimeout(() => document.querySelector('.md-select__link[hreflang={language}]').click()), 0")
        browser.wait_for(f"location.pathname === {str(there / page)!r} && document.readyState === 'complete'")
        assert browser.evaluate("document.documentElement.lang") == language


def test_site_copy_buttons_copy_the_code(browser):
    browser.open(f"file://{SITE}/index.html")
    browser.wait_for("document.querySelector('.highlight [data-md-type=copy]') !== null")
    # What goes to the clipboard is what is selected then; the clipboard itself is the machine's.
    browser.evaluate(
        "document.execCommand = () => { window.copied = document.activeElement.value || getSelection().toString(); return true };"
        " document.querySelector('.highlight [data-md-type=copy]').click()"
    )
    copied = browser.wait_for("window.copied")
    assert copied.strip() == browser.evaluate("document.querySelector('.highlight code').textContent").strip()


def test_site_pictures_follow_the_color_scheme_of_the_page(browser):
    colors = []
    for scheme, name in (("light", "default"), ("dark", "slate")):
        browser.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.open(f"file://{SITE}/errors.html")
        browser.wait_for(f"document.body.dataset.mdColorScheme === {name!r}")
        colors.append(browser.evaluate("getComputedStyle(document.querySelector('.picture text')).fill"))
    assert colors[0] != colors[1]
    assert len(browser.evaluate("document.querySelector('.picture svg').getAttribute('aria-label')")) > 40


@pytest.mark.parametrize("language", LANGUAGES)
def test_site_fits_a_phone(browser, pages, language):
    home = LANGUAGES[language]
    browser.resize(320)
    # The layout is that of the style sheets, in which all pages differ by their articles only.
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(f"file://{home}/reference/index.html")
    browser.evaluate("document.documentElement.className = 'js', document.head.prepend(document.createElement('base')), 0")
    too_wide = {}
    for path in pages:
        if (SITE / "zh" in path.parents) == (language == "zh"):
            article = re.search(r"<article[^>]*>(.*)</article>", path.read_text(encoding="utf-8"), re.S)[1]
            shown = f"document.querySelector('base').href = {json.dumps(path.as_uri())}, document.querySelector('article').innerHTML = {json.dumps(article)}"
            width = browser.evaluate(f"{shown}, document.documentElement.scrollWidth")
            if width > 320:
                too_wide[path] = width
    wide = "<p style='width: 400px'>this does not fit</p>"
    assert browser.evaluate(f"document.querySelector('article').innerHTML = {json.dumps(wide)}, document.documentElement.scrollWidth") > 320
    browser.command("Emulation.setScriptExecutionDisabled", value=False)
    assert not too_wide


def test_site_pictures_are_what_their_script_draws():
    sys.path.insert(0, str(ROOT / "docs" / "pictures"))
    import draw

    for name, svg in draw.pictures().items():
        assert (pathlib.Path(draw.__file__).parent / name).read_text(encoding="utf-8") == svg, f"run docs/pictures/draw.py: {name}"
