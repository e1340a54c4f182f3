"""Plugins: what is installed, the stack that a TOML selects, the contract, and what hooks return."""
