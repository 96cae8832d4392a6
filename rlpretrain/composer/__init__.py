"""Composer's service: client, wire schema, and an embedded server that speaks the same protocol."""
