"""The strategies' votes: which strategies may vote, and the votes counted at every close."""
