"""The alert centre: pages over alerts, rules, silences, channels and deliveries."""
