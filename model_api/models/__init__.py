"""What networks take and give: one file a contract."""
