"""The REST door of checks, below /api/checks, /api/phases and /api/promotions."""
