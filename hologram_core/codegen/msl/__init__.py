"""Metal's language."""
