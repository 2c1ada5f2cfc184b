"""The bundled transformer keeps its promise of seeds in mixed company."""

import pytest
import torch

from benchmarks.same_seed import ask, compare


@pytest.mark.timeout(300)  # eight whole pictures
def test_bundled_pictures_do_not_depend_on_their_company():
    """Two pictures of 512 tokens each, alone and in a batch of eight that join, leave and ask differently."""
    network, asked = ask("easel-transformer", 8, "cpu", torch.float32)

    found = compare(network, asked, most=2)

    assert found.of_tokens == 1024
    assert found.tokens >= 1014
