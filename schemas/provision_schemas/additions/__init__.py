"""What provision adds to machines: a folder per version, none of which ever changes."""
