"""Whole campaigns in memory: the same plan, selection, tasks, verdicts, consensus, training and cuts as the service.

What the service keeps in MongoDB is arrays here; markets and browsers are one function that answers. Nothing is
decided here that the core decides elsewhere: ``run`` asks ``rounds.plan`` for the next action and takes it.
"""

from active_learning.campaign.crowd import Counted, Crowd, Perfect, Recorded, Said
from active_learning.campaign.measures import Measure
from active_learning.campaign.recipes import LSUN, Recipe, everyone, lsun, naive_thresholds
from active_learning.campaign.running import run
from active_learning.campaign.world import Setup

__all__ = [
    "LSUN",
    "Counted",
    "Crowd",
    "Measure",
    "Perfect",
    "Recipe",
    "Recorded",
    "Said",
    "Setup",
    "everyone",
    "lsun",
    "naive_thresholds",
    "run",
]
