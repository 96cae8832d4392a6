"""What the policy is taught: at which closes to buy and to sell, and what that is worth."""
