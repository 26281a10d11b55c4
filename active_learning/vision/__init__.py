"""Vision: the only home of torch. Backbones turn images into features, heads turn answers into a scorer."""

from active_learning.vision.backbones import BACKBONES, embed, fit_backbone
from active_learning.vision.checkpoints import checkpoint_id
from active_learning.vision.heads import HEADS, TrainedHead, members, score, train_head

__all__ = [
    "BACKBONES",
    "HEADS",
    "TrainedHead",
    "checkpoint_id",
    "embed",
    "fit_backbone",
    "members",
    "score",
    "train_head",
]
