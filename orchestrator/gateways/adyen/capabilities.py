"""What this gateway can do."""

from orchestrator.gateways.capabilities import AuthorisationLife, Capabilities

CAPABILITIES = Capabilities(verbs={}, methods={}, authorisation=AuthorisationLife(7, 7, ""))
