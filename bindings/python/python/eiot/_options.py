"""The options of a client, with their types. `eiot.Client` documents them."""

import os
from collections.abc import Mapping
from typing import Literal, TypedDict, cast

_Path = str | os.PathLike[str]


class CallOptions(TypedDict, total=False):
    """The options that each call can have of its own: see `with_options`."""

    timeout: float | None
    max_attempts: int | None
    rate_wait: bool | None
    error_codes: Mapping[str, str] | None
    max_auth_failures: int | None
    outage_timeout: float | None
    strict_eid: bool | None
    allow_rounded_eid: bool | None


class ClientOptions(CallOptions, total=False):
    """All options of `Client` and `AsyncClient`."""

    appkey: str | None
    secret: str | None
    secret_file: _Path | None
    base_url: str | None
    allow_http: bool | None
    connect_timeout: float | None
    rate_limit: float | None
    rate_scope: str | None
    rate_dir: _Path | None
    rate_share: tuple[int, int] | None
    eid_cooldown: float | None
    clock_skew: bool | None
    sign_method: Literal["sha1", "md5"] | None
    ca_file: _Path | None
    client_cert_file: _Path | None
    client_key_file: _Path | None
    proxy: str | None
    source_address: str | None
    user_agent_suffix: str | None


def given(options: Mapping[str, object]) -> dict[str, object]:
    """The options that are not `None`."""
    # Mappings are copied: the caller may change them later.
    return {
        name: dict(cast(Mapping[object, object], value)) if isinstance(value, Mapping) else value
        for name, value in options.items()
        if value is not None
    }
