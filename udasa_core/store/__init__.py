"""What lies on disk: outputs by fingerprint, tables, manifests, and runs opened for reading."""
