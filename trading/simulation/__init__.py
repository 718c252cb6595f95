"""The seeded simulation: engine, live desk, venue and chain in one process, on a virtual clock.

Everything hangs on one number, the seed of a run: the invented flow, every latency, every fault and
every crash. Nothing here reads a clock, opens a socket or draws from a global generator, so that a
failing seed fails again in the same step on every machine.
"""
