"""What the strategies say together: who may vote, and the votes counted at every close."""
