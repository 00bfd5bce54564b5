"""The report of a run, in a real browser: it is readable in light and dark mode and on a phone, and needs nothing else."""

import re
import shutil
import struct
import subprocess
import zlib

import pytest
from test_batch_command import cards_file, refresh

FAULTS = [f"--fault={fault}" for fault in "status=500 none none html none none none refuse=41001".split()] + ["--fault-repeat"]
# What --blink-settings calls them.
SCHEMES = {"dark": 0, "light": 1}


@pytest.fixture
def page(simulator, tmp_path):
    """The report of a run with faults, and a long malformed EID."""
    running = simulator("--unlimited", *FAULTS)
    cards = cards_file(tmp_path, 60)
    cards.write_text(f"{cards.read_text()}<b>&amp;{'x' * 300}\n")
    refresh(running, "--from", cards, "--report", tmp_path / "report.html", "--out", tmp_path / "out", rate_limit="40")
    return tmp_path / "report.html"


@pytest.fixture
def browser(tmp_path):
    """Opens a page in Chromium with these flags; returns its output."""
    found = [path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path]
    if not found:
        pytest.skip("chromium is not installed (on Debian: apt-get install chromium)")
    # Root has no sandbox; the page is the test's own.
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={tmp_path}/profile"]

    def open_page(path, *more):
        command = [found[0], *flags, *more, f"file://{path}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    return open_page


def pixels_of(picture):
    """The size of a PNG, and the color of its first pixel, which no filter changes."""
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    position, packed = 8, b""
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        if data[position + 4 : position + 8] == b"IDAT":
            packed += data[position + 8 : position + 8 + length]
        position += 12 + length
    return (width, height), tuple(zlib.decompress(packed)[1:4])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_report_follows_the_color_scheme_of_the_browser(page, browser, tmp_path, scheme):
    picture = tmp_path / f"{scheme}.png"
    browser(page, f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", "--window-size=1000,1200", f"--screenshot={picture}")
    size, background = pixels_of(picture)
    assert size == (1000, 1200)
    assert (max(background) < 60) if scheme == "dark" else (min(background) > 200), background


@pytest.mark.parametrize("width", [320, 390, 1000])
def test_report_fits_the_width_of_its_window(page, browser, tmp_path, width):
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe id="page" src="{page.name}" style="width:{width}px;height:800px;border:0"></iframe><script>'
        "onload = () => { const root = document.getElementById('page').contentDocument.documentElement;"
        " document.title = [root.scrollWidth, root.clientWidth, root.querySelectorAll('svg rect').length,"
        " root.querySelectorAll('tbody tr').length]; }</script>"
    )
    dom = browser(frame, "--allow-file-access-from-files", "--dump-dom")
    needed, available, intervals, rows = map(int, re.search(r"<title>([\d,]+)</title>", dom)[1].split(","))
    assert needed == available == width
    assert intervals >= 1 and rows == 4


def test_report_loads_nothing_and_runs_nothing(page):
    text = page.read_text()
    assert not re.search(r"https?:|\bsrc=|url\(|@import|<link|<script|<img|<iframe|\bon\w+=", text)
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert "&lt;b&gt;&amp;amp;xxx" in text and "<b>&amp;xxx" not in text
    assert len(text) < 50_000


def luminance(color):
    parts = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_report_has_readable_colors_in_both_schemes(page):
    schemes = re.findall(r":root \{(.*?)\}", page.read_text(), re.S)
    assert len(schemes) == 2
    for scheme in schemes:
        colors = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", scheme))
        for text in ("text", "muted", "ok", "fail", "warn"):
            for background in ("paper", "card"):
                # WCAG 2.2, level AA.
                assert contrast(colors[text], colors[background]) >= 4.5, (text, background, scheme)
