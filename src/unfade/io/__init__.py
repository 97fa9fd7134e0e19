"""Photos from files and back; nothing else in the package knows a file format."""
