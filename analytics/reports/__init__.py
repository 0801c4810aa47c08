"""Reports: one file each, and the formats they come in (formats.py)."""
