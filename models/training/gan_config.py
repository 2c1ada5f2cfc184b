"""What the GAN's training may be told, and the two presets."""

from dataclasses import dataclass

from models.training.config import PictureTraining


@dataclass(frozen=True, kw_only=True)
class GanTraining(PictureTraining):
    """Weights of the losses, and when the discriminator joins.

    `penalty` is R3GAN's gamma, annealed to a tenth; penalties are computed every `penalty_every`
    steps and count that many times as much. `tokenizer` is the folder of the frozen tokenizer;
    compositions are fitted to `fitting_pages`, and `pages` others are learned from. `hard_share` of the
    picture book's pages show what is learned last (`is_hard`). `start_from` is an exported folder to
    go on from, or empty.
    """

    tokenizer: str = "models/weights/easel-tokenizer"
    start_from: str = ""
    warm_up_steps: int = 2000
    pages: int = 24_000
    hard_share: float = 0.3
    fitting_pages: int = 2400
    num_compositions: int = 512
    text_length: int = 24
    text_width: int = 128
    style_width: int = 512
    style_layers: int = 4
    z_size: int = 32
    critic_width: int = 512
    embedding_size: int = 256
    word_dropout: float = 0.03
    decay_share: float = 0.25
    discriminator_rate: float = 1e-3
    dual_encoder_rate: float = 1e-3
    divergence_weight: float = 0.015
    divergence_steps: int = 400
    adversarial_weight: float = 0.1
    guidance_weight: float = 0.03
    penalty: float = 0.3
    penalty_every: int = 4
    average_decay: float = 0.998

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("batch_size", self.batch_size % 2 == 0, "must be even")
        self.require("warm_up_steps", 0 <= self.warm_up_steps <= self.steps, "must be between 0 and steps")
        self.require("decay_share", 0 < self.decay_share <= 1, "must be above 0 and at most 1")
        self.require("hard_share", 0 <= self.hard_share < 1, "must be at least 0 and below 1")
        self.require("divergence_steps", self.divergence_steps > 0, "must be positive")
        self.require("fitting_pages", self.fitting_pages > self.num_compositions, "must exceed num_compositions")
        self.require("tokenizer", bool(self.tokenizer), "must name a folder")


PRESETS = {
    "cpu": GanTraining(steps=6000, batch_size=32, learning_rate=1e-3, threads=1),
    "gpu": GanTraining(
        steps=200_000, batch_size=256, learning_rate=1e-3, device="cuda", warm_up_steps=20_000,
        text_width=256, style_width=1536, critic_width=1536, penalty_every=1,
        pages=1_000_000, fitting_pages=20_000, num_compositions=2048,
    ),
}  # fmt: skip
