"""Calibrations: each brings every dimension's raw scores to one scale, so that they can be combined."""
