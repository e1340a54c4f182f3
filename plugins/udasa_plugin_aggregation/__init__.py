"""Aggregations: each combines the calibrated dimensions into U."""
