"""Refreshes the cards named on the command line; configured by the environment (EIOT_APPKEY, EIOT_SECRET, ...)."""

import sys

import eiot

client = eiot.Client()
for eid in sys.argv[1:]:
    try:
        reply = client.refresh_usage(eid)
    except eiot.EiotError as error:
        sys.exit(str(error))
    print(f"{reply.eid} refreshed: {reply.message}")
