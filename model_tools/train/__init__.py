"""Training of matting networks, and their export to ONNX. Needs PyTorch."""
