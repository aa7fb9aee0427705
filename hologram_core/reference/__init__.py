"""What circuits mean, without a compiler: an interpreter, and an emulator of a GPU's grid. The tests' oracles."""
