"""Sources: where a model or data comes from, fetched, verified and kept in the cache."""
