"""What the documentation tells people to type works, word for word but for the port."""

import re

import pytest

from tests.app.api.pictures import mask_png, png
from tests.pages import examples, run_example

EXAMPLES = [
    pytest.param(language, code, id=f"{page}-{language}")
    for page in ("jobs", "openai")
    for language, code in examples(page, "python", "sh", "js")
]


@pytest.mark.parametrize(("language", "code"), EXAMPLES)
def test_an_example_works(http, worker, tmp_path, language, code):
    """It ends well and shows an image, and it is refused only where it asks for what no model draws."""
    (tmp_path / "house.png").write_bytes(png((128, 128)))
    (tmp_path / "mask.png").write_bytes(mask_png((128, 128)))
    with worker.drawing():
        shown = run_example(language, code, str(http.base_url), tmp_path)
    assert ("unsupported_size" in shown) == ("1x1" in code)
    assert re.search(r"/files/images/|b64_json|\d+ bytes|fox.png|unsupported_size", shown)
