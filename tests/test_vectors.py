"""The shared vectors agree with an independent signer."""

import json

import signer
from conftest import VECTORS, vectors


def test_vectors_of_calls_and_webhooks_are_those_of_the_signer():
    for name, content in signer.files().items():
        assert vectors(name) == json.loads(json.dumps(content)), f"python tests/signer.py regenerates {name}"


def test_signer_agrees_with_the_vendors_golden_sample():
    golden = vectors("signing.json")["cases"][0]
    assert signer.sign(golden["params"], golden["secret"]) == golden["sha1"]
    assert (VECTORS / "webhooks.json").exists()
