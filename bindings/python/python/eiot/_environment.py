"""`eiot.refresh_usage`, which needs no client."""

from typing import SupportsIndex

from eiot._client import Client
from eiot._reply import Reply

# The process's client. Without a lock, which a forked child could inherit locked.
_client: dict[str, Client] = {}


def refresh_usage(eid: str | SupportsIndex, *, timeout: float | None = None) -> Reply:
    """Like `Client.refresh_usage`, with a client that is configured by the environment: `EIOT_APPKEY`, `EIOT_SECRET`,
    ...

    >>> eiot.refresh_usage("89044011112233441122334411223321").message
    'success'

    The first call with a valid configuration creates one client for the whole process. Thread-safe.
    """
    client = _client.get("client")
    if client is None:
        # Two threads may both create one; both use the first.
        client = _client.setdefault("client", Client())
    return client.refresh_usage(eid, timeout=timeout)
