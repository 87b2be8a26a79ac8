"""A run, or a server without a camera, in a browser and for other programs: HTTP, WebRTC, Prometheus."""
