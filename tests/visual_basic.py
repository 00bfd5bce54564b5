"""Reads the functions that eiot.h and Eiot.bas declare."""

import re


def prototypes(header):
    """By function: the type of its result, and the type and name of each parameter."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    found = {}
    for result, name, parameters in re.findall(r"^((?:const )?\w+ \*?)\s*(eiot_\w+)\(([^)]*)\);", text, re.M):
        words = [] if parameters == "void" else [" ".join(word.split()) for word in parameters.split(",")]
        pairs = [re.fullmatch(r"(.*?)(\w+)", word).groups() for word in words]
        found[name] = (result.strip(), [(c_type.strip(), parameter) for c_type, parameter in pairs])
    return found


def declarations(module, *, is_new):
    """By function: the type of its result, if it has one, and the types of its parameters, such as "ByVal Long"."""
    block = module.split("#If VBA7 Then")[1].split("#End If")[0].split("#Else")[0 if is_new else 1]
    found = {}
    line = re.compile(r'Private Declare (?:PtrSafe )?(Function|Sub) (\w+) Lib "eiot_stdcall.dll" \((.*?)\)(?: As (\w+))?$', re.M)
    for kind, name, parameters, result in line.findall(block):
        assert (kind == "Sub") == (not result), name
        words = [word.split() for word in parameters.split(", ") if word]
        found[name] = (result or None, [f"{how} {vb_type}" for how, _, _, vb_type in words])
    return found


# What Visual Basic passes for each of its types.
C_TYPES = {
    "ByVal Long": "int32_t", "ByVal LongPtr": "intptr_t", "ByVal Currency": "int64_t", "ByRef Long": "int32_t *",
    "ByRef LongPtr": "intptr_t *", "ByRef Byte": "uint8_t *",
}  # fmt: skip


def as_c(module):
    """The declarations of Eiot.bas as C: pointers to stdcall functions, and `load`, which finds them in a DLL."""
    lines, loads = [], []
    for name, (result, parameters) in declarations(module, is_new=True).items():
        c_result = C_TYPES[f"ByVal {result}"] if result else "void"
        c_parameters = ", ".join(C_TYPES[parameter] for parameter in parameters) or "void"
        lines.append(f"static {c_result} (__stdcall *{name})({c_parameters});")
        loads.append(f'    *(FARPROC *)&{name} = GetProcAddress(dll, "{name}"), missing += {name} == NULL;')
    return "\n".join([*lines, "static int load(HMODULE dll) {", "    int missing = 0;", *loads, "    return missing;", "}", ""])
