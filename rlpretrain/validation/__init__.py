"""Whether the pre-trained start is worth it, on unseen data."""
