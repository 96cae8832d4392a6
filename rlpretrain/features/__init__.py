"""The state vector: one function for patterns and environments alike."""
