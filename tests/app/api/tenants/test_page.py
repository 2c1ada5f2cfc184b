"""What the page on tenants tells people to type."""

import pytest

from tests.pages import examples, run_example

WITH_A_KEY = [one for one in examples("tenants", "python", "sh", "js") if "EASEL_API_KEY" in one[1]]


@pytest.mark.parametrize(("language", "code"), WITH_A_KEY)
def test_the_examples_draw_with_a_key(tenant, worker, tmp_path, language, code):
    """Each ends well with a picture, and the longer ones show what the key has left."""
    http = tenant(requests_per_minute=60, images_per_minute=60)
    environment = {"EASEL_API_KEY": http.key, "EASEL_SERVER_URL": str(http.base_url)}
    with worker.drawing():
        shown = run_example(language, code.replace("ek_…", http.key), str(http.base_url), tmp_path, **environment)
    assert "/files/images/" in shown
    assert language == "sh" or "59" in shown
