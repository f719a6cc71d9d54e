"""What compiled loops are made of: vectors as numbers, products and sums in registers, calls, threads."""
