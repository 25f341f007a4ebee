"""The simulated Stripe: API v1, challenge page and webhooks."""
