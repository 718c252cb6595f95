"""Live execution: from the engine's commands to the venue and back, without any socket or clock."""
