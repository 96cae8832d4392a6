"""Where the stages that learn run: in Docker containers or Kubernetes pods that can do nothing else."""
