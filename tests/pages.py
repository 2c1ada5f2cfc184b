"""The examples on the documentation's pages."""

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
ADDRESS = "http://127.0.0.1:8000"  # of the service in every example


def examples(page, *languages):
    """Return language and code of a page's examples, in their order."""
    found = re.findall(r"```(\w+)\n(.*?)```", (DOCS / f"{page}.md").read_text(), re.DOTALL)
    return [(language, code) for language, code in found if language in languages]
