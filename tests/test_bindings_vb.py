"""Eiot.bas against eiot.h. No Visual Basic runs here: tests/test_windows.py makes its calls from C, with its declarations."""

import re

from languages import NOT_FOR_WRAPPERS, ROOT
from test_refusals import STATUS
from visual_basic import declarations, prototypes

FOLDER = ROOT / "bindings" / "vb"
HEADER = (ROOT / "include" / "eiot.h").read_text()
MODULE = (FOLDER / "Eiot.bas").read_text(encoding="ascii")

# What Visual Basic calls a type of C. A pointer to bytes or to an output is passed by reference.
TYPES = {
    "size_t": "ByVal LongPtr", "int32_t": "ByVal Long", "uint32_t": "ByVal Long", "eiot_status": "ByVal Long",
    "eiot_delivered": "ByVal Long", "eiot_sign_method": "ByVal Long", "int64_t": "ByVal Currency", "uint64_t": "ByVal Currency",
    "eiot_delivered *": "ByRef Long", "int32_t *": "ByRef Long", "char *": "ByRef Byte",
}  # fmt: skip

# Functions that the module leaves out beside those that all wrappers leave out.
LEFT_OUT = {
    "eiot_client_refresh_usage_with_cancel": "there is one thread, which could not cancel its own call",
    "eiot_config_new": "what is omitted comes from the environment, eiot_config_from_env",
    "eiot_sign": "every call signs",
    "eiot_error_body": "EiotError has no field for the response",
    "eiot_error_header": "EiotError has no field for the response",
    "eiot_error_header_name": "EiotError has no field for the response",
}


def expected(c_type):
    """What Visual Basic calls this type of a parameter."""
    c_type = c_type.removeprefix("const ")
    if c_type in TYPES:
        return TYPES[c_type]
    if re.fullmatch(r"eiot_\w+ \*\*", c_type):
        return "ByRef LongPtr"
    assert re.fullmatch(r"eiot_\w+ \*", c_type), c_type
    return "ByVal LongPtr"


def test_declarations_of_visual_basic_are_those_of_the_header():
    header = prototypes(HEADER)
    for name, (result, parameters) in declarations(MODULE, is_new=True).items():
        c_result, c_parameters = header[name]
        if c_result == "void":
            assert result is None, name
        else:
            assert f"ByVal {result}" == ("ByVal LongPtr" if c_result.endswith("*") else expected(c_result)), name
        assert parameters == [expected(c_type) for c_type, _ in c_parameters], name


def test_declarations_of_visual_basic_6_and_of_vba_are_the_same():
    assert declarations(MODULE, is_new=True) == declarations(MODULE, is_new=False)
    assert "PtrSafe" not in MODULE[MODULE.index("#Else") :], "Visual Basic 6 does not know it"
    before = MODULE[: MODULE.index("#Else")]
    assert before.count("Declare ") == before.count("Declare PtrSafe ")


def test_functions_are_declared_or_excluded_for_a_reason():
    missing = set(prototypes(HEADER)) - set(declarations(MODULE, is_new=True))
    setters = {name for name in missing if name.startswith("eiot_config_set_")}
    assert missing - setters <= {*NOT_FOR_WRAPPERS, *LEFT_OUT}, "not in the module, and no reason given"
    called = set(re.findall(r"\b(eiot_\w+)\b", MODULE.split("#End If")[1]))
    assert called >= set(declarations(MODULE, is_new=True)), "declared and never called"


def test_statuses_are_complete():
    told = {name: int(number) for name, number in re.findall(r"^Public Const (EIOT_\w+) As Long = (\d+)$", MODULE, re.M)}
    statuses = {name: number for name, number in told.items() if name == "EIOT_OK" or name.startswith("EIOT_ERR_")}
    assert statuses == STATUS
    for name in ("EIOT_DELIVERED_NO", "EIOT_DELIVERED_YES", "EIOT_DELIVERED_UNKNOWN", "EIOT_SIGN_SHA1", "EIOT_SIGN_MD5"):
        assert f"#define {name} {told[name]}" in HEADER


def test_readme_example_is_short_and_from_the_example():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    example = (FOLDER / "example" / "Refresh.bas").read_text(encoding="ascii")
    first, *_ = blocks = re.findall(r"^```vb\n(.*?)^```", readme, re.M | re.S)
    assert len(first.splitlines()) <= 10 and "Refresh" in first
    squeezed = re.sub(r"\s+", "", example)
    for line in "".join(blocks).splitlines():
        assert re.sub(r"\s+", "", line) in squeezed, line


def test_module_has_the_lines_that_visual_basic_takes():
    for path in (FOLDER / "Eiot.bas", FOLDER / "example" / "Refresh.bas"):
        lines = path.read_bytes().split(b"\n")
        assert lines.pop() == b"" and all(line.endswith(b"\r") for line in lines), "it wants carriage returns"
        assert max(len(line) for line in lines) < 1023, "a longer line cannot be read"
