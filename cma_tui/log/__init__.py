"""Event logs on disk: ours, and every other shape that people save sessions in."""
