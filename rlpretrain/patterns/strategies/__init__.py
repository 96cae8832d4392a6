"""What each strategy does: its record, its trades, and the kind of rule behind its holdings."""
