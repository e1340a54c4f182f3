"""From TOML to a checked configuration: every fault at once."""
