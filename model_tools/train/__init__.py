"""Training of matting networks in PyTorch, and their export to ONNX."""
