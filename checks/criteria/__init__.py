"""What has to be true to go on, and what ends a phase: judged from plain facts, without a world."""
