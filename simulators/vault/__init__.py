"""The simulated card vault: tokens, card fields and a forward proxy."""
