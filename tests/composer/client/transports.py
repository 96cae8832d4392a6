"""What transports of tests have in common."""


class LikeRest:
    """A transport that offers every call, each with its own limit."""

    has_versions = True

    def limit_of(self, tool):
        return tool
