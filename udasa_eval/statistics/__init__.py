"""Medians, ranks and paired tests over items; intervals come by `udasa_core.Resamples`."""
