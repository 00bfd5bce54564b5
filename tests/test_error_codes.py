"""The platform's error codes, from C, C++, Python and the shell."""

import pytest
from conftest import every_face
from error_codes import PROMISES


@every_face
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_codes(promise, face, simulator):
    promise(face, simulator)
