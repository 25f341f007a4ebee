"""A Piccolo app for the tests of the migration runner: its second migration takes a while."""
