"""What the metrics compute, without the package evaluate, which takes seconds to import."""
