"""What all apps stand on: settings, routing, the clock, strict files, audit and live updates."""
