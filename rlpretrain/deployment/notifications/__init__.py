"""Notifications that a run has ended, failed or is late, and the ways to send them."""
