"""The chaos suite: real processes are killed, starved and lied to, and nothing may be lost."""
