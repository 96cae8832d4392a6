"""From the pre-trained policy to an RL agent."""
