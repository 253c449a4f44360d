"""People: who you are, your licenses, who supervises you. The bottom app: imports no other app."""
