"""The call without a client of one's own."""

from eiot._client import Client
from eiot._reply import Reply

# The process's client, once there is one. No lock guards it: a forked child could inherit that locked.
_client: dict[str, Client] = {}


def refresh_usage(eid: str | int) -> Reply:
    """As `Client.refresh_usage`, with a client that the environment configures: `EIOT_APPKEY`, `EIOT_SECRET`, ...

    >>> eiot.refresh_usage("89044011112233441122334411223321").message
    'success'

    The first call that finds a usable configuration makes the client, for all threads of the process.
    """
    client = _client.get("client")
    if client is None:
        # Two threads may both make one; both use the one that was there first.
        client = _client.setdefault("client", Client.from_env())
    return client.refresh_usage(eid)
