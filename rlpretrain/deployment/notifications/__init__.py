"""What people are told when a run ends, fails or is late, and the ways to send it."""
