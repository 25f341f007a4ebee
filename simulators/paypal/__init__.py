"""PayPal's Orders v2 and Payments v2 APIs, as far as a card payment needs them, with signed webhooks."""
