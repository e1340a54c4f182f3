"""The command `udasa`."""
