"""Writing reports into files: the lines, the file, and the run that brings both to the end."""
