"""The pages about phases, go/no-go, promotions and rollbacks."""
