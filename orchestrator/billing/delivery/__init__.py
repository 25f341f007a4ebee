"""What is sent to buyers: asked for in the transaction that causes it, sent once, and what became of it."""
