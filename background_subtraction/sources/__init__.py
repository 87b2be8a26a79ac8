"""Frames in: videos, images, cameras, pipes and streams."""
