"""The engine: a pure function from events to commands. Nothing in here touches the world."""
