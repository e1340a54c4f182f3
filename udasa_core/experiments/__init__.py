"""Experiments: what anyone may measure with the pipeline's own steps, and ship as a plugin."""
