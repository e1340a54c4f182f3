"""Bootstrap intervals, clustered by prompt."""
