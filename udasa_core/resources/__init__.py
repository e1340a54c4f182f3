"""What plugins share: models that read texts, and the doors to them (protocols)."""
