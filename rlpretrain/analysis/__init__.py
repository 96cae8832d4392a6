"""From stored patterns to conclusions."""
