"""Value uncertainty: whether a response keeps to the principles that the user wrote down."""
