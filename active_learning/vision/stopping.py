"""When to stop training: patience, and Prechelt's UP (1998, "Early stopping - but when?")."""

from dataclasses import dataclass
from typing import Protocol


class Stop(Protocol):
    """Hears of the held-out loss after every epoch, says when to stop."""

    def after(self, epoch: int, loss: float) -> bool:
        """Whether to stop after this epoch."""
        ...


@dataclass
class Patience:
    """Stops when the loss has not been below its best for so many epochs. The best checkpoint is the one to keep."""

    epochs: int = 5
    best: float = float("inf")
    best_epoch: int = 0

    def after(self, epoch: int, loss: float) -> bool:
        """A loss that only equals the best does not help."""
        if loss < self.best:
            self.best, self.best_epoch = loss, epoch
        return epoch - self.best_epoch >= self.epochs


@dataclass
class Up:
    """Stops when the loss rose at so many looks in succession; looks come at the first epoch and every ``strip``.

    A look that does not find the loss strictly above that of the look before starts the count anew. The last checkpoint
    is the one to keep, not the best.
    """

    strip: int = 2
    successions: int = 3
    last: float = float("inf")
    rises: int = 0
    begun: bool = False

    def after(self, epoch: int, loss: float) -> bool:
        """Epochs may go on from an earlier training: the first that is heard of is the first."""
        if self.begun and epoch % self.strip:
            return False
        self.rises = self.rises + 1 if loss > self.last else 0
        self.last, self.begun = loss, True
        return self.rises >= self.successions
