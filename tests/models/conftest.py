"""Tiny networks on a machine that others use too: one thread is fastest."""

import sys

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
