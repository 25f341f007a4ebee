"""A package, because two of our dependencies install a package `tests` too, and ours must be the one that is found."""
