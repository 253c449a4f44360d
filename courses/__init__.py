"""Learning: the catalog, enrollment, the course room, completion. The top app: imports both below."""
