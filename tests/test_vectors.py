"""The shared vectors are what a signer of its own makes."""

import json

import signer
from conftest import VECTORS, vectors


def test_the_vectors_of_calls_and_webhooks_are_what_the_signer_makes():
    for name, content in signer.files().items():
        assert vectors(name) == json.loads(json.dumps(content)), f"python tests/signer.py writes {name} anew"


def test_the_signer_makes_the_vendors_golden_sample():
    golden = vectors("signing.json")["cases"][0]
    assert signer.sign(golden["params"], golden["secret"]) == golden["sha1"]
    assert (VECTORS / "webhooks.json").exists()
