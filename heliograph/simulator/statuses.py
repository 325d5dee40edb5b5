"""Twilio's statuses as small numbers, so that a million of them take a megabyte."""

from typing import Final

ACCEPTED, QUEUED, SENT, DELIVERED, UNDELIVERED, FAILED, CANCELED = range(7)

NAMES: Final = ("accepted", "queued", "sent", "delivered", "undelivered", "failed", "canceled")
