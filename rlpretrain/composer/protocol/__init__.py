"""What both ends agree on: the calls, the words of their answers, and the language of the search."""
