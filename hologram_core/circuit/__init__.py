"""Circuits as the compiler sees them: decoded, verified, expanded, canonicalised."""
