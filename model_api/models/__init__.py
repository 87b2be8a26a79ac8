"""The contracts of networks, one file each."""
