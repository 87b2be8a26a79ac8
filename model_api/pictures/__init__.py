"""Pictures as videos hold them: planes of luma and chroma, and what their numbers mean."""
