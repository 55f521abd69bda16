"""The booted machine of the tests in this folder; they run in the order of the file, on one machine."""
import os
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from machine import Impossible, Machine  # noqa: E402


@pytest.fixture(scope="session")
def machine():
    try:
        booted = Machine()
    except Impossible as why:
        pytest.skip(str(why))
    yield booted
    booted.close()
