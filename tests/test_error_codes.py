"""The platform's error codes, from C, C++, Python and the shell."""

import pytest
from conftest import every_driver
from error_codes import PROMISES


@every_driver
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_error_codes(promise, driver, simulator):
    promise(driver, simulator)
