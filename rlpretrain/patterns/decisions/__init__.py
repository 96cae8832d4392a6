"""What the votes decide: the consensus, and the patterns mined from it."""
