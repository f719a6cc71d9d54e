"""A plugin of pytest: test files, and the tests of a file, in another order, the same in every worker."""

import random
from itertools import groupby

import pytest


@pytest.hookimpl(trylast=True)  # after pytest has sorted them by fixtures
def pytest_collection_modifyitems(items):
    """Shuffle in place."""
    files = [list(of_file) for _, of_file in groupby(items, key=lambda item: item.path)]
    chance = random.Random(20261201)
    chance.shuffle(files)
    for of_file in files:
        chance.shuffle(of_file)
    items[:] = [item for of_file in files for item in of_file]
