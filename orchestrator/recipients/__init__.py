"""Recipients of splits: who gets a part of payments, under which id at each gateway, and what was sent to them."""
