"""From patterns to a policy: data set, network, trainer."""
