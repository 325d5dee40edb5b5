"""Requests to addresses that users give (connectors, webhooks): to no private place, in bounded time and size."""
