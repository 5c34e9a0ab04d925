"""The twisted.web side: a resource per endpoint, and the exchange that ties a request to a stream."""
