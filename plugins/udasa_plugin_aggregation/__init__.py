"""Calibrations, which bring every dimension to one scale, and aggregations, which combine them into U."""
