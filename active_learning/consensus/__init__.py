"""Consensus: answers -> labels."""

from active_learning.consensus.agreement import agreement
from active_learning.consensus.choose import Choice, auto, choose
from active_learning.consensus.decide import Decision, Outcome, believed, decide, fit
from active_learning.consensus.evidence import Evidence
from active_learning.consensus.methods import METHODS, dawid_skene, majority, unsmoothed_dawid_skene
from active_learning.consensus.posterior import ErrorModel, Posterior
from active_learning.consensus.votes import Votes

__all__ = [
    "METHODS",
    "Choice",
    "Decision",
    "ErrorModel",
    "Evidence",
    "Outcome",
    "Posterior",
    "Votes",
    "agreement",
    "auto",
    "believed",
    "choose",
    "dawid_skene",
    "decide",
    "fit",
    "majority",
    "unsmoothed_dawid_skene",
]
