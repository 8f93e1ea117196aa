"""CUDA's driver: memory, timing, and whether there is a GPU. No graphs."""
