"""The REST door of alerts, below /api/alerts."""
