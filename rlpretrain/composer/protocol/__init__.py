"""What client and server share: the calls, the names in their answers, and the language of the search."""
