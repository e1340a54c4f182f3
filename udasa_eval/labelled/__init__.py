"""The labelled sets that ship with udasa, and those that users bring."""
