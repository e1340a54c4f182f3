"""Observers that hand a run's figures to trackers: TensorBoard, trackio, wandb."""
