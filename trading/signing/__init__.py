"""What is signed and how it is written for the venue. No key lives here, and no clock."""
