"""The words of the documentation are the field's: a reader who searches for a webhook, a timeout or a lookup finds it.

Only prose is read: documents, comments and docstrings, without code, quotes in backticks and names in CamelCase.
"""

import io
import pathlib
import re
import tokenize

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Each word that must not come back, and what to write instead.
WORDS = {
    r"anew": "again, recompile",
    r"(break|breaks|breaking|broken|broke) (it |them |all |calls? |a call |the call |the batch )?off": "cancel",
    r"time-outs?": "timeout",
    r"(name )?look-ups?": "lookup, DNS lookup",
    r"white space": "whitespace",
    r"lanes?": "event loop, connection",
    r"faces?": "binding, front end, language",
    r"sightings?": "clock sample",
    r"standstills?": "a stopwatch that pauses",
    r"rations?": "limit",
    r"tall(y|ies)": "counts, statistics",
    r"what is no": "an invalid …",
    r"what became of": "the result of, the outcome of",
    r"who would rather": "to …, pass …",
    r"nobody|somebody|whoever": "the component, or the passive",
    r"mended": "fixed",
    r"stands? twice": "is duplicate",
    r"under way": "in flight",
    r"stand-in": "simulator",
    r"rehears(e|es|ed|ing)": "simulate, test",
    r"notifications?": "webhook",
    r"twin call": "the corresponding call by ICCID",
    r"as it came": "verbatim, raw",
    r"engines?": "event loop",
    r"driven": "run, polled",
    r"harmless": "idempotent, safe",
    r"that is so|(for )?so (long|many)": "this long, this many; for as long as",
    r"dated again": "re-signed with a corrected timestamp",
    r"slots?": "permit",
    r"organis\w+|synchronis\w+|colour|licence|recognis\w+": "American spelling",
}
FORBIDDEN = re.compile(rf"\b(?:{'|'.join(f'(?:{word})' for word in WORDS)})\b", re.I)

# What must be found by those who search for it, and where.
WANTED = {
    "include/eiot.h": [
        "thread-safe", "requires exclusive access", "webhook", "connection pool", "rate limiter", "idempotent",
        "backoff", "timeout", "in flight", "verbatim", "cancellation token", "async-signal-safe", "NUL-terminated",
        "truncated", "borrowed",
    ],
    "include/eiot.hpp": ["thread-safe", "requires exclusive access", "webhook", "cancellation token", "in flight"],
    "README.md": [
        "## install", "## configuration", "## errors", "## rate limiting", "## retries and timeouts", "## webhooks",
        "## offline testing", "thread safety", "token bucket", "circuit breaker", "backoff", "full jitter", "SIGPIPE",
        "fork", "idempotent",
    ],
    "docs/architecture.md": ["event loop", "circuit breaker", "rate limit", "token bucket", "idempotent"],
    "bindings/python/python/eiot/_client.py": ["thread-safe", "connection pool", "rate limiter", "idempotent", "GIL"],
}  # fmt: skip

# Exceptions: (file, words as found, why they stay).
EXCEPTIONS = [
    ("bindings/python/python/eiot/_base_client.py", "slot", "a slot of a Python class"),
    ("tests/signer.py", "white space", "names in the vector files, which never change"),
]


def markdown(text):
    """Without code, quotes and addresses; without the measured part, which the benchmark writes."""
    for gone in (r"<!-- measured: begin -->.*?<!-- measured: end -->", r"```.*?```", r"`[^`]*`", r"\]\([^)]*\)"):
        text = re.sub(gone, " ", text, flags=re.S)
    return text


def c_comments(text):
    return "\n".join(re.findall(r"/\*.*?\*/|//[^\n]*", text, re.S))


def line_comments(text):
    return "\n".join(re.findall(r"(?:^|\s)(?://[/!]?|\*>|#)\s([^\n]*)", text))


def rust_comments(text):
    return "\n".join(re.findall(r"^\s*//[/!]?(?: (.*))?$", text, re.M))


def pod(text):
    return "\n".join(re.findall(r"^=.*?^=cut", text, re.M | re.S)) + line_comments(text)


def python_prose(text):
    """Comments and docstrings, and strings that begin a line."""
    kept, before = [], tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_docstring = token.type == tokenize.STRING and before in (
            tokenize.NEWLINE, tokenize.INDENT, tokenize.NL, tokenize.ENCODING,
        )  # fmt: skip
        if token.type == tokenize.COMMENT or is_docstring:
            kept.append(token.string)
        if token.type != tokenize.COMMENT:
            before = token.type
    return "\n".join(kept)


SOURCES = [
    ("*.md", markdown),
    ("docs/**/*.md", markdown),
    ("docs/**/*.py", python_prose),
    ("bindings/*.md", markdown),
    ("bindings/*/README.md", markdown),
    ("crates/*/README.md", markdown),
    ("include/*.h", c_comments),
    ("include/*.hpp", c_comments),
    ("crates/core/src/**/*.rs", rust_comments),
    ("crates/core/tests/**/*.rs", rust_comments),
    ("crates/cli/src/**/*.rs", rust_comments),
    ("crates/cli/tests/**/*.rs", rust_comments),
    ("crates/ffi/src/*.rs", rust_comments),
    ("crates/ffi/tests/header_introduction.txt", str),
    ("crates/sim/**/*.rs", rust_comments),
    ("crates/bench/**/*.rs", rust_comments),
    ("fuzz/src/*.rs", rust_comments),
    ("bindings/python/src/*.rs", rust_comments),
    ("bindings/python/python/eiot/*.py", python_prose),
    ("bindings/go/eiot.go", line_comments),
    ("bindings/java/src/club/eiot/Eiot.java", c_comments),
    ("bindings/csharp/Eiot.cs", line_comments),
    ("bindings/node/eiot.js", line_comments),
    ("bindings/node/eiot.d.ts", c_comments),
    ("bindings/php/Eiot.php", c_comments),
    ("bindings/perl/lib/Eiot.pm", pod),
    ("bindings/cobol/eiot.c*", line_comments),
    ("examples/c/*.c", c_comments),
    ("examples/cpp/*.cpp", c_comments),
    ("examples/python/*.py", python_prose),
    ("tests/c/**/*.c", c_comments),
    ("tests/consumer/*.c*", c_comments),
    ("tests/cpp/*.cpp", c_comments),
    ("tests/drivers/*.[ch]*", c_comments),
    ("tests/**/*.py", python_prose),
    ("bindings/python/tests/*.py", python_prose),
]
# This file has the words themselves.
FILES = [
    (path, prose)
    for pattern, prose in SOURCES
    for path in sorted(ROOT.glob(pattern))
    if path != pathlib.Path(__file__).resolve()
]


def test_prose_every_source_is_found():
    for pattern, _ in SOURCES:
        assert list(ROOT.glob(pattern)), f"{pattern} finds nothing"


@pytest.mark.parametrize("path, prose", FILES, ids=[str(path.relative_to(ROOT)) for path, _ in FILES])
def test_prose_has_the_words_of_the_field(path, prose):
    # Over line ends, whose comment signs are no words.
    text = re.sub(r"\n[\s/*#!>]*", " ", prose(path.read_text(encoding="utf-8")))
    text = re.sub(r"`[^`]*`", " ", text)
    allowed = [words for file, words, _ in EXCEPTIONS if file == str(path.relative_to(ROOT))]
    found = []
    for match in FORBIDDEN.finditer(text):
        if match.group().lower() not in allowed:
            (instead,) = [said for word, said in WORDS.items() if re.fullmatch(word, match.group(), re.I)][:1]
            context = text[max(0, match.start() - 60) : match.end() + 40]
            found.append(f"{match.group()!r} (write: {instead}) in: …{context}…")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path, words", WANTED.items())
def test_prose_is_found_by_those_who_search(path, words):
    text = " ".join((ROOT / path).read_text(encoding="utf-8").replace("\n *", "\n").split()).lower()
    assert [word for word in words if word.lower() not in text] == []


@pytest.mark.parametrize(
    "text, is_found",
    [
        ("/* Breaks calls off. */", True),
        ("/* The time-out\n * begins. */", True),
        ("/* white\n * space */", True),
        ("/* The surface, interface and planes; a timeout, whitespace. */", False),
        ('int faces; /* "lookup" */', False),
    ],
)
def test_prose_guard_sees_words_over_line_ends_and_not_parts_of_words(text, is_found):
    text = re.sub(r"\n[\s/*#!>]*", " ", c_comments(text))
    assert bool(FORBIDDEN.search(text)) == is_found


def test_prose_guard_reads_docstrings_and_comments_only():
    text = '"""Time-out."""\n\nfaces = "lanes"  # anew\n\n\ndef f():\n    """Face."""\n    return "nobody"\n'
    found = [match.group().lower() for match in FORBIDDEN.finditer(python_prose(text))]
    assert found == ["time-out", "anew", "face"]
