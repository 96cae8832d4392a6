"""One function for each stage of the run."""
