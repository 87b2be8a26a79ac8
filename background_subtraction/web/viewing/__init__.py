"""The frames of a run in a browser: WebRTC, MJPEG, snapshots, recordings; and the browser's own camera as a run."""
