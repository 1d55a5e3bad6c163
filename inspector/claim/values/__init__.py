"""What a claimed row becomes: recipes, values, their bytes in the matrix's format."""
