"""Writers of the three gateways' own settlement files."""
