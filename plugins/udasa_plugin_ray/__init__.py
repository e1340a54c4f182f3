"""The engine `ray`: shards made by Ray actors, on one machine or a cluster."""
