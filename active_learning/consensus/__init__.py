"""Consensus: answers -> labels."""

from active_learning.consensus.dawid_skene import ErrorModel, Posterior, dawid_skene
from active_learning.consensus.decide import Decision, Outcome, decide, fit
from active_learning.consensus.majority import majority
from active_learning.consensus.votes import Votes

__all__ = ["Decision", "ErrorModel", "Outcome", "Posterior", "Votes", "dawid_skene", "decide", "fit", "majority"]
