"""A stand-in for the service: a catalogue served over MCP and REST, with injected faults on request."""
