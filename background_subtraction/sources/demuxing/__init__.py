"""What FFmpeg reads: addresses, containers, packets, and when their frames are shown."""
