"""An independent signer, by the vendor's rules (SDK 1.0.1), which generates and verifies the shared vectors.

`python tests/signer.py` regenerates tests/vectors/{calls,webhooks}.json.
"""

import hashlib
import json
import pathlib

VECTORS = pathlib.Path(__file__).parent / "vectors"


def signed_text(value):
    """The value in the string to sign; numbers are strings here, so that they stay verbatim."""
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str):
        return value
    return compact(value)


class Number(str):
    """A JSON number, verbatim."""


def read(text):
    return json.loads(text, parse_int=Number, parse_float=Number)


def compact(value):
    if isinstance(value, dict):
        return "{" + ",".join(f"{compact(name)}:{compact(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    if isinstance(value, Number):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def string_to_sign(fields, left_out=("sign",)):
    texts = {name: signed_text(value) for name, value in fields.items() if name not in left_out}
    return "".join(f"{name}={texts[name]}&" for name in sorted(texts, key=str.encode) if texts[name] != "")


def sign(fields, secret, method="sha1", left_out=("sign",)):
    text = string_to_sign(fields, left_out) + f"secret={secret}"
    return hashlib.new(method, text.encode()).hexdigest().upper()


def with_sign(payload, secret, method):
    """The payload's own text with its signature behind it."""
    signature = sign(read(payload), secret, method, ("sign", "appkey"))
    before, _, after = payload.rpartition("}")
    comma = "" if before.rstrip().endswith("{") else ","
    return f'{before}{comma}"sign":"{signature}"' + "}" + after


WEBHOOKS = {
    "flat": '{"eid":"89044011112233441122334411223321","event":"usage","nonce":24523,"timestamp":1700000000}',
    "with an appkey, which is not signed": '{"appkey":"demo-appkey","event":"usage","nonce":24523,"timestamp":1700000000}',
    "Chinese": '{"event":"套餐已用完","名称":"流量","nonce":24523,"timestamp":1700000000}',
    "escapes": r'{"message":"\u5957\u9910 a\/b \"q\" \\ \n","url":"https:\/\/x\/y","timestamp":1700000000}',
    "nested": '{"data":{"b":[1,2,{"名":"值","a":"x/y"}],"a":null},"list":["b","a"],"timestamp":1700000000}',
    "nested, with white space": '{ "data" : { "b" : [ 1 , 2.50 ] , "a" : { } } ,\n  "timestamp" : 1700000000 }',
    "booleans": '{"off":false,"on":true,"inner":{"on":true},"timestamp":1700000000}',
    "empty values take no part": '{"a":"","b":null,"c":[],"d":0,"e":"0","f":false,"timestamp":1700000000}',
    "numbers as they are written": '{"price":1.50,"big":123456789012345678901234567890,"negative":-1,"timestamp":1700000000}',
    "names in byte order": '{"b":"1","B":"2","a":"3","_":"4","timestamp":1700000000}',
}

CALLS = {
    "flat": ("/api/v3/cloudesim/get", '{"eid":"89044011112233441122334411223321"}'),
    "integers": ("/api/v3/cloudesim/list", '{"pageNum":1,"pageSize":500}'),
    "without an EID, text and a list of EIDs": ("/api/v3/cloudesim/list", '{"pageNum":"1","pageSize":10,"eids":"1,2"}'),
    "booleans": ("/api/v3/cloudesim/purchase", '{"eid":"1","outTradeNo":"A","packageCode":"p","renew":true,"trial":false}'),
    "nested": (
        "/api/v3/cloudesim/purchase",
        '{"eid":"1","outTradeNo":"B","packageCode":"p","memo":{"z":[1,true,null,"a/b"],"a":"备注 \\"x\\""}}',
    ),
    "empty values": ("/api/v3/cloudesim/pkg/record/list", '{"eid":"1","createDateStart":"","page":null,"tags":[],"pageSize":0}'),
    "escapes": ("/api/v3/cloudesim/unlock", r'{"eid":"1","memo":"\u4f60\u597d \/ \\ \n","price":1.50}'),
    "white space": ("/api/v3/cloudesim/pkg/list", ' { "eid" : "1" ,\n "more" : [ 1 , 2 ] } '),
}


def files():
    """The texts of the vector files, by name."""
    webhooks = [
        {"name": name, "secret": "a1b1c1d1", "method": method, "payload": with_sign(payload, "a1b1c1d1", method)}
        for name, payload in WEBHOOKS.items()
        for method in ("sha1", "md5")
        if method == "sha1" or name in ("flat", "nested")
    ]
    system = {"appkey": "000001", "nonce": Number("49890"), "timestamp": Number("1700000000")}
    calls = [
        {
            "name": name,
            "path": path,
            "parameters": parameters,
            "string_to_sign": string_to_sign({**system, **read(parameters)}) + "secret=a1b1c1d1",
            "sha1": sign({**system, **read(parameters)}, "a1b1c1d1"),
        }
        for name, (path, parameters) in CALLS.items()
    ]
    about = "Made by tests/signer.py, which shares no code with the library; read by the tests of every language."
    return {
        "webhooks.json": {"about": f"Genuine webhooks. {about}", "cases": webhooks},
        "calls.json": {
            "about": f"Calls with appkey 000001, nonce 49890, timestamp 1700000000 and secret a1b1c1d1. {about}",
            "cases": calls,
        },
    }


if __name__ == "__main__":
    for file, content in files().items():
        (VECTORS / file).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
