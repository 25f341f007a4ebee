"""Adyen's Checkout API v72, as far as a card payment needs it, with its standard webhooks."""
