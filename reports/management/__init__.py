"""The shell's doors to reports."""
