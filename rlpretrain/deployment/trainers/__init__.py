"""Where what learns runs: in Docker containers or Kubernetes pods that can do nothing else."""
