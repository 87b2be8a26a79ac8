"""What tools print and write: tables, colours, files."""
