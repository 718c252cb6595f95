"""One file per strategy, each exposing one decide function."""
