"""The networks that can be trained: the bundled ones and Robust Video Matting's."""
