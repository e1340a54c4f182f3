"""`udasa eval`: a model measured outside of a run, and measurements compared."""
