"""What may be configured: the keys with their bounds, and what changes between two revisions."""
