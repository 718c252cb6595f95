"""All writes about checks, criteria, promotions and rollbacks, each with its audit record."""
