"""What tests share: test networks, clips, commands, servers and environments."""
