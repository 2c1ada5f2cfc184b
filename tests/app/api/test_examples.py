"""What the documentation tells people to type works, word for word but for the port."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.api.pictures import mask_png, png

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = [
    pytest.param(language, code, id=f"{page}-{language}")
    for page in ("jobs", "openai")
    for language, code in re.findall(r"```(python|sh)\n(.*?)```", (DOCS / f"{page}.md").read_text(), re.DOTALL)
]
COMMANDS = {"python": [sys.executable, "-c"], "sh": ["sh", "-c"]}


@pytest.mark.parametrize(("language", "code"), EXAMPLES)
def test_an_example_works(http, worker, tmp_path, language, code):
    """It ends well and shows an image."""
    (tmp_path / "house.png").write_bytes(png((128, 128)))
    (tmp_path / "mask.png").write_bytes(mask_png((128, 128)))
    drawing = worker.soon(worker.draw)
    command = [*COMMANDS[language], code.replace("http://127.0.0.1:8000", str(http.base_url))]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path).stdout
    drawing.join()
    assert re.search(r"/files/images/|b64_json|\d+ bytes", shown)
