"""The toy chain as a fixture."""

import pytest
from toy_chain import Toy


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path)
