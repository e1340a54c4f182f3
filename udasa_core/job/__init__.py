"""A job: one configuration with what the steps work with, in the process that leads or in a worker."""
