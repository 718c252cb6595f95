"""The REST door of reports, below /api/reports."""
