"""A real model server for the tests."""
