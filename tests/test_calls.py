"""Other calls and webhooks, from C, C++, Python and the shell."""

import pytest
from calls import PROMISES
from conftest import every_face


@every_face
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_other_calls_and_webhooks(promise, face, simulator):
    promise(face, simulator)
