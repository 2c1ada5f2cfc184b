"""The picture itself: a broadcast test card, printed like a poster in the prompt's own inks."""

from __future__ import annotations

import random

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from models.interface import Image, Row
from models.testcard.inks import KEY, PAPER, choose_inks


def draw_card(row: Row) -> Image:
    """Draw the card of one row; the same row always gives the same pixels."""
    request = row.request
    rng = random.Random(f"{request.prompt}/{request.seed}/{row.index}")
    inks = choose_inks(request.prompt, request.negative_prompt, rng, 3)
    sheet = PillowImage.new("RGB", (request.width, request.height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for ink in inks:
        x, y = rng.randrange(request.width), rng.randrange(request.height)
        draw.ellipse((x - 30, y - 30, x + 30, y + 30), fill=ink)
    steps = request.num_inference_steps
    text = f"{request.prompt}\nseed {request.seed} #{row.index} {request.width}x{request.height} {steps}"
    draw.text((2, 2), text, fill=KEY, font=ImageFont.load_default(10))
    return np.asarray(sheet)
