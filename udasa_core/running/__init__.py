"""A run while it is made: the job, conducting it, its engine, what suites asked on the way."""
