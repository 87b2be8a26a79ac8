"""What is done to models before and beside the demo: `python -m model_tools TOOL`."""
