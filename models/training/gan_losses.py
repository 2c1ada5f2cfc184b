"""The losses of the GAN: each a sentence, an equation, and a source.

Shapes: B batch, K compositions, E embedding; scores are (B,).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


def relativistic(better: Tensor, worse: Tensor) -> Tensor:
    """Return mean softplus(worse - better): each score is compared with its partner's.

    Jolicoeur-Martineau 2018, https://arxiv.org/abs/1807.00734; with R1 and R2 it converges
    (R3GAN, Huang et al. 2024, https://arxiv.org/abs/2501.05441, equation 2).
    """
    return functional.softplus(worse - better).mean()


def gradient_penalty(score: Callable[[Tensor], Tensor], weights: Tensor) -> Tensor:
    """Return the mean squared slope of the score at weights (B, K): R1 for drawn pictures, R2 for generated ones.

    Mescheder et al. 2018, https://arxiv.org/abs/1801.04406. Always in float32.
    """
    with torch.autocast(weights.device.type, enabled=False):
        weights = weights.detach().float().requires_grad_()
        (gradient,) = torch.autograd.grad(score(weights).sum(), weights, create_graph=True)
        return gradient.square().sum(dim=1).mean()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) ‖ N(0, 1)) in nats, averaged over the batch.

    Kingma and Welling 2013, https://arxiv.org/abs/1312.6114, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1).mean()


def contrast(images: Tensor, texts: Tensor, near_misses: Tensor, scale: Tensor | float) -> Tensor:
    """Return the cross-entropy of picking each image's caption among all captions and its near miss.

    `images`, `texts` and `near_misses` are unit vectors (B, E). Radford et al. 2021 (CLIP),
    https://arxiv.org/abs/2103.00020, with one hard negative each.
    """
    all_captions = images @ texts.T  # (B, B)
    near_miss = (images * near_misses).sum(dim=1, keepdim=True)  # (B, 1)
    logits = scale * torch.cat([all_captions, near_miss], dim=1)
    return functional.cross_entropy(logits, torch.arange(len(images), device=images.device))
