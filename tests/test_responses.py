"""What an error says of the response behind it, from C, C++, Python and the shell."""

import pytest
from conftest import every_face
from responses import PROMISES


@every_face
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_responses(promise, face, simulator):
    promise(face, simulator)
