"""The world that the product is tried against: gateways, vault and mailbox, driven over HTTP. No part of an install."""
