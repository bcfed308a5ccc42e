"""What a team writes once for all its consumers: connect, read, acknowledge, take over, set aside, end in order."""
