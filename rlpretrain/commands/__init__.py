"""Commands that answer a person's question and leave no run behind. Each module loads what it needs when called."""
