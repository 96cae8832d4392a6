"""The client: typed calls of the service over MCP or REST, paced, retried and checked."""
