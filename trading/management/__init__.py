"""The shell's doors to trading."""
