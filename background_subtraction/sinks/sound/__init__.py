"""What goes along beside the picture: sound, subtitles, chapters and metadata of the input."""
