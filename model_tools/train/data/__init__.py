"""Training clips, composed anew each time from people and backgrounds."""
