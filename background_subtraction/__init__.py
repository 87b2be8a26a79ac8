"""The application: frames in, composited frames out."""
