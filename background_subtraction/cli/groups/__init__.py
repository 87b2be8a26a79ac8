"""Groups of options that go together: their help, and the values that they become."""
