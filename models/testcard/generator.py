"""The test card as an image generator: it keeps every promise of the interface without a single weight."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from models.catalog_entries import TestcardModel
from models.interface import Capabilities, Feed, Image, InputImage, Range, Row
from models.testcard.card import draw_card

DEFAULT_STEPS = 4
STRENGTH = Range(minimum=0, maximum=1, default=0.5)


class TestcardGenerator:
    """Draws what was asked for as a printed card; the entry's seconds imitate the time of a real model."""

    __test__ = False  # for pytest, which takes the name for a test

    revision = "card-1"
    description = {"device": "cpu", "dtype": "uint8", "parameters": "0"}  # noqa: RUF012 - never changed

    def __init__(self, entry: TestcardModel) -> None:
        self._entry = entry
        self.capabilities = Capabilities(
            size_multiple=1,
            default_size=(512, 512),
            max_batch_size=entry.max_batch_size,
            negative_prompt=True,
            image_to_image=True,
            variations=True,
            inpainting=True,
            strength=STRENGTH,
            options={"num_inference_steps": Range(minimum=1, maximum=100, default=DEFAULT_STEPS)},
            batch_by=("num_inference_steps",),
            previews=True,
            cancel=True,
        )

    def generate(self, rows: Sequence[Row], feed: Feed) -> None:
        """Print all rows together, one coat of ink per step; with an entry's seconds, in just that time."""
        started = time.monotonic()
        num_steps = rows[0].request.num_inference_steps or DEFAULT_STEPS
        cards = [(row, _draw(row, num_steps)) for row in rows]
        for step in range(1, num_steps + 1):
            cards = [(row, card) for row, card in cards if not feed.cancelled(row)]
            if not cards:
                return
            _sleep_until(started + self._seconds(len(rows)) * step / num_steps)
            for row, card in cards:
                feed.progress(row, step, num_steps)
                if step < num_steps and feed.wants_preview(row):
                    feed.preview(row, _unfinished(card, step / num_steps))
        for row, card in cards:
            feed.done(row, card)

    def _seconds(self, num_rows: int) -> float:
        return self._entry.seconds_per_batch + self._entry.seconds_per_image * num_rows


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _draw(row: Row, num_steps: int) -> Image:
    card = draw_card(row, num_steps)
    if row.source is None:
        return card
    strength = row.request.strength
    return _overprint(row.source, card, STRENGTH.default if strength is None else strength)


def _overprint(source: InputImage, card: Image, strength: float) -> Image:
    """Print the card over what is masked of the picture, or all of it, as strongly as asked."""
    ink = np.full(card.shape[:2], strength) if source.mask is None else source.mask * strength  # (H, W)
    mixed = source.pixels * (1 - ink[..., None]) + card * ink[..., None]
    return mixed.round().astype(np.uint8)


def _unfinished(image: Image, share: float) -> Image:
    """Show the upper `share` of the sheet printed, the rest as a faint impression."""
    printed = round(image.shape[0] * share)
    faint = (image[printed:].astype(np.float32) * 0.2 + 255 * 0.8).astype(np.uint8)
    return np.concatenate([image[:printed], faint])
