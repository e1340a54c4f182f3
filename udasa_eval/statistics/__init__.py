"""Intervals, medians and paired tests, clustered by item."""
