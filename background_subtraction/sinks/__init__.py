"""Frames out: video files with sound, images, a virtual camera."""
