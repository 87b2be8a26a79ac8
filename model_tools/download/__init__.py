"""The tool `download`: published models, with licences, checksums and a cache."""
