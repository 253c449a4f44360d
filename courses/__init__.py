"""Learning: catalog, enrollment, course room, completion. The top app: imports both below."""
