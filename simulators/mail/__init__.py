"""A mailbox that takes every letter: an SMTP sink and a JSON view of what came in."""
