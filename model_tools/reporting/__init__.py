"""What several tools print and write: tables, plots and their colours, files replaced whole."""
