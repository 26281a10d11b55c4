"""Validation images -> two cuts that hold the policy's precision and recall with stated confidence."""

from active_learning.cuts.calibrating import calibrate, risk_of_look
from active_learning.cuts.samples import Tally, Validation
from active_learning.cuts.tails import chance_of_record, zero_error_minimum

__all__ = ["Tally", "Validation", "calibrate", "chance_of_record", "risk_of_look", "zero_error_minimum"]
