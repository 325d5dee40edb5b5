"""Files on their way into an audience: staged, cut into chunks, parsed beside the event loop, copied and committed."""
