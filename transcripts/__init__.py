"""Credit: the ledger, certificates, transcripts. Knows people, not courses."""
