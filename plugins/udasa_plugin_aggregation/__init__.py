"""Built-in plugin family: calibrations and aggregations."""
