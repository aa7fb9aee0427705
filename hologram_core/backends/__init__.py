"""One file per backend; `interp` is the definition the others are tested against."""
