"""What a program of 2023 does with `openai` 0.28.1; prints what it got, one JSON object a line."""

import asyncio
import io
import json
import sys
import urllib.request

import openai
from PIL import Image

assert openai.__version__ == "0.28.1"
openai.api_base, openai.api_key = f"{sys.argv[1]}/v1", "unused"


def tell(**facts):
    """Print a line for the test."""
    print(json.dumps(facts))  # noqa: T201


def picture(mode, color):
    """A file as `open` gives it."""
    data = io.BytesIO()
    Image.new(mode, (128, 128), color).save(data, "PNG")
    data.seek(0)
    return data


def size_at(answer):
    """The size of the first picture, fetched."""
    with urllib.request.urlopen(answer["data"][0]["url"]) as response:
        return Image.open(io.BytesIO(response.read())).size


made = openai.Image.create(prompt="a red fox", n=2, size="128x128")
tell(call="create", images=len(made["data"]), size=size_at(made))
made = openai.Image.create_edit(
    image=picture("RGB", "red"), mask=picture("RGBA", (0, 0, 0, 0)), prompt="a red fox", n=1, size="128x128"
)
tell(call="edit", images=len(made["data"]), size=size_at(made))
made = openai.Image.create_variation(image=picture("RGB", "red"), n=2, size="128x128", response_format="b64_json")
tell(call="variation", images=len(made["data"]), starts=made["data"][0]["b64_json"][:8])
try:
    openai.Image.create(prompt="a red fox", size="1x1")
except openai.error.InvalidRequestError as error:
    tell(call="refused", param=error.param, message=str(error), status=error.http_status)
made = asyncio.run(openai.Image.acreate(prompt="a red fox", n=1, size="128x128"))
tell(call="acreate", images=len(made["data"]), size=size_at(made))
tell(call="models", ids=[model["id"] for model in openai.Model.list()["data"]])
