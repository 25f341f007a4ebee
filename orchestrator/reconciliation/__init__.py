"""Settlement reports against the ledger: every line explained, every difference a break with a reason."""
