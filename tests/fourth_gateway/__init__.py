"""A gateway that does not exist, added as docs/adding-a-gateway.md says, to show that it can be done from there."""
