"""Options: explicit, from the environment, by default; and the errors of invalid ones."""

import inspect
import pathlib
import re
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import eiot
import pytest
from conftest import EID
from eiot import _environment, _native
from eiot._options import ClientOptions
from responder import Answer, Responder

ACCOUNT: dict[str, Any] = {"appkey": "k", "secret": "s"}
OPTIONS = [name for name, _, _ in _native.options()]
Start = Callable[..., Responder]


def test_error_codes_have_the_configured_meaning(responder: Start) -> None:
    server = responder(Answer(body='{"code": "45109", "message": "m"}'))
    with pytest.raises(eiot.RejectedError):
        eiot.Client(**server.options).refresh_usage(EID)
    with pytest.raises(eiot.CooldownError) as refused:
        eiot.Client(**server.options, error_codes={"1": "auth", "45109": "cooldown"}).refresh_usage(EID)
    assert (refused.value.code, refused.value.delivered) == ("45109", "yes")


def test_cooldown_is_enforced_by_the_client(responder: Start) -> None:
    server = responder()
    client = eiot.Client(**server.options, eid_cooldown=300)
    client.refresh_usage(EID)
    with pytest.raises(eiot.CooldownError) as refused:
        client.refresh_usage(EID)
    assert refused.value.delivered == "no" and 299 < (refused.value.retry_after or 0) <= 300
    assert len(server.requests) == 1


def test_rate_wait_off_raises_if_no_permit_is_free(responder: Start) -> None:
    client = eiot.Client(**{**responder().options, "rate_limit": 1}, rate_wait=False)
    client.refresh_usage(EID)
    with pytest.raises(eiot.RateLimitedError) as refused:
        client.refresh_usage(EID)
    assert (refused.value.delivered, refused.value.attempts) == ("no", 0)


def test_options_of_the_core_are_typed_and_documented_with_their_defaults() -> None:
    assert sorted(ClientOptions.__annotations__) == sorted(OPTIONS)
    # Python spells these differently.
    words = {"required": "required", "off": "False", "on": "True", "none": "none"}
    words |= {"`1/1`": "`(1, 1)`", "`auto`": '`"auto"`', "`sha1`": '`"sha1"`'}
    own = {"eid_cooldown": "0", "user_agent_suffix": "`(python)`"}
    documentation = inspect.getdoc(eiot.Client) or ""
    for name, default, _ in _native.options():
        (text,) = re.findall(rf"^:param {name}: (.*?)(?=^:param|\Z)", documentation, re.M | re.S)
        sentence = own.get(name) or words.get(default, default)
        assert sentence in text if default == "required" else f"Default: {sentence}" in " ".join(text.split()), name


@pytest.mark.parametrize(
    "option, value",
    [
        ("appkey", ""),
        ("appkey", "a b"),
        ("appkey", "\ud800"),
        ("secret", ""),
        ("secret_file", "/nonexistent/secret"),
        ("base_url", "http://oapi.eiotclub.com"),
        ("timeout", -1),
        ("timeout", 0),
        ("timeout", float("nan")),
        ("timeout", float("inf")),
        ("connect_timeout", 10**400),
        ("sign_method", "sha256"),
        ("ca_file", "/nonexistent/ca.pem"),
        ("proxy", "socks://127.0.0.1:1"),
        ("source_address", "localhost"),
        ("max_attempts", 0),
        ("rate_limit", -1),
        ("rate_scope", "world"),
        ("rate_share", (3, 2)),
        ("eid_cooldown", -1),
        ("error_codes", {"45109": "strange"}),
        ("max_auth_failures", -1),
        ("outage_timeout", -1),
        ("outage_timeout", 10**6),
    ],
)
def test_option_with_an_invalid_value_is_a_config_error_that_names_it(option: str, value: Any) -> None:
    with pytest.raises(eiot.ConfigurationError, match=f"^{option}: "):
        eiot.Client(**{**ACCOUNT, option: value})


def test_client_certificate_and_key_are_required_together_and_read() -> None:
    absent = pathlib.Path("/nonexistent/client.pem")
    with pytest.raises(eiot.ConfigurationError, match="^client_key_file: "):
        eiot.Client(**ACCOUNT, client_cert_file=absent)
    with pytest.raises(eiot.ConfigurationError, match="^client_cert_file: "):
        eiot.Client(**ACCOUNT, client_key_file=absent)
    with pytest.raises(eiot.ConfigurationError, match="^client_cert_file: .*/nonexistent/client.pem"):
        eiot.Client(**ACCOUNT, client_cert_file=absent, client_key_file=absent)


@pytest.mark.parametrize(
    "option, value",
    [("appkey", 1), ("secret", b"s"), ("timeout", [1]), ("strict_eid", []), ("ca_file", 3), ("proxy", 1.5)]
    + [("rate_share", 2), ("error_codes", "45109=cooldown"), ("max_attempts", []), ("rate_scope", 1)]
    + [("max_auth_failures", []), ("outage_timeout", [])]
    + [("timeout", "2"), ("timeout", True), ("connect_timeout", "soon"), ("rate_limit", "off"), ("rate_limit", False)]
    + [("strict_eid", 1), ("rate_wait", "on"), ("clock_skew", 0), ("allow_http", None.__class__)]
    + [("max_attempts", 2.5), ("max_attempts", "3"), ("max_auth_failures", True), ("rate_share", (1.0, 2))]
    + [("client_cert_file", 3), ("client_key_file", b"k"), ("source_address", 2130706433)],
)
def test_option_of_a_wrong_type_is_a_type_error_that_names_it(option: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"^{option}: must be "):
        eiot.Client(**{**ACCOUNT, option: value})


def test_option_that_is_unknown_or_positional_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="time_out"):
        eiot.Client(**ACCOUNT, time_out=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        eiot.Client("k", "s")  # type: ignore[call-arg]


def test_option_none_is_the_default() -> None:
    explicit = eiot.Client(**{name: ACCOUNT.get(name) for name in OPTIONS})
    assert repr(explicit) == repr(eiot.Client(**ACCOUNT))


def test_option_numbers_are_seconds() -> None:
    for timeout in (2, 2.0, Decimal(2)):
        assert "timeout=2.0 connect_timeout=5.0>" in repr(eiot.Client(**ACCOUNT, timeout=timeout))  # type: ignore[arg-type]


def test_option_texts_suggest_what_python_takes() -> None:
    for option, value, says in [
        ("rate_share", (3, 2), "(2, 5)"),
        ("error_codes", {"45109": "strange"}, "a mapping of codes to one of auth, "),
        ("max_auth_failures", -1, "an int from 0"),
        ("timeout", -1, "a number of seconds, not -1"),
    ]:
        with pytest.raises(eiot.ConfigurationError) as refused:
            eiot.Client(**{**ACCOUNT, option: value})
        assert says in str(refused.value) and " off" not in str(refused.value)


def test_client_reads_from_the_environment_what_is_not_passed(
    monkeypatch: pytest.MonkeyPatch, responder: Start
) -> None:
    with pytest.raises(eiot.ConfigurationError, match="EIOT_APPKEY"):
        eiot.Client()
    for name, value in responder().environment.items():
        monkeypatch.setenv(name, value)
    assert eiot.Client().refresh_usage(EID).message == "success"
    assert "appkey='mine'" in repr(eiot.Client(appkey="mine"))


def test_unknown_attribute_cannot_be_set() -> None:
    for client in (eiot.Client(**ACCOUNT), eiot.AsyncClient(**ACCOUNT)):
        for name in ("timeout", "time_out"):
            with pytest.raises(AttributeError):
                setattr(client, name, 3)


def test_options_take_precedence_over_the_environment_and_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"appkey": "env", "secret": "s", "timeout": "3", "connect_timeout": "2"}.items():
        monkeypatch.setenv(f"EIOT_{name.upper()}", value)
    shown = repr(eiot.Client(timeout=4, appkey=None))
    assert "appkey='env'" in shown and "timeout=4.0 connect_timeout=2.0" in shown
    assert "base_url='https://oapi.eiotclub.com'" in shown


def test_secret_in_either_form_takes_precedence_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, responder: Start
) -> None:
    server = responder()
    file = tmp_path / "secret"
    file.write_text("explicit")
    monkeypatch.setenv("EIOT_APPKEY", "k")
    monkeypatch.setenv("EIOT_BASE_URL", server.url)
    monkeypatch.setenv("EIOT_SECRET", "environment")
    eiot.Client(secret_file=file).refresh_usage(EID)
    monkeypatch.delenv("EIOT_SECRET")
    monkeypatch.setenv("EIOT_SECRET_FILE", str(tmp_path / "absent"))
    eiot.Client(secret="explicit").refresh_usage(EID)
    for request in server.requests:
        assert request.body["sign"] == eiot.sign(request.body, "explicit")
    with pytest.raises(eiot.ConfigurationError, match="either"):
        eiot.Client(secret="explicit", secret_file=file)


def test_environment_variable_that_is_invalid_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIOT_TIMEOUT", "soon")
    with pytest.raises(eiot.ConfigurationError, match=r"^EIOT_TIMEOUT: "):
        eiot.Client(**ACCOUNT)


@pytest.fixture
def no_client_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_environment, "_client", {})


@pytest.mark.usefixtures("no_client_yet")
def test_environment_is_sufficient_and_creates_one_client(
    monkeypatch: pytest.MonkeyPatch, responder: Start
) -> None:
    server = responder()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    for _ in range(3):
        assert eiot.refresh_usage(EID).message == "success"
    assert len({request.connection for request in server.requests}) == 1


@pytest.mark.usefixtures("no_client_yet")
def test_environment_is_read_again_after_a_failed_configuration(
    monkeypatch: pytest.MonkeyPatch, responder: Start
) -> None:
    with pytest.raises(eiot.ConfigurationError, match="EIOT_APPKEY"):
        eiot.refresh_usage(EID)
    for name, value in responder().environment.items():
        monkeypatch.setenv(name, value)
    assert eiot.refresh_usage(EID).message == "success"


@pytest.mark.usefixtures("no_client_yet")
def test_environment_client_is_created_once_by_concurrent_threads(
    monkeypatch: pytest.MonkeyPatch, responder: Start
) -> None:
    for name, value in responder().environment.items():
        monkeypatch.setenv(name, value)
    used: list[eiot.Client] = []
    together = threading.Barrier(8)
    make = eiot.Client.__init__

    def make_together(client: eiot.Client, **options: Any) -> None:
        together.wait(10)
        make(client, **options)

    def note(client: eiot.Client, eid: str, timeout: float | None = None) -> None:
        used.append(client)

    monkeypatch.setattr(eiot.Client, "__init__", make_together)
    monkeypatch.setattr(eiot.Client, "refresh_usage", note)
    threads = [threading.Thread(target=eiot.refresh_usage, args=(EID,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(used) == 8 and len(set(map(id, used))) == 1


def test_closed_client_raises(responder: Start) -> None:
    server = responder()
    with eiot.Client(**server.options) as client:
        client.refresh_usage(EID)
    client.close()
    with pytest.raises(eiot.InvalidArgumentError, match="closed"):
        client.refresh_usage(EID)
    assert repr(client) == "<eiot.Client closed>"
    assert len(server.requests) == 1


def test_subclass_keeps_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ours(eiot.Client):
        pass

    assert type(Ours(**ACCOUNT)) is Ours
    with Ours(**ACCOUNT) as ours:
        assert type(ours) is Ours and repr(ours).startswith("<eiot.Ours ")
