"""The build backend, and what it takes to build one package for several releases of torch."""
