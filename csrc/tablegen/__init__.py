"""Writes the C++ tables that the build generates from the op tables and the installed torch."""
