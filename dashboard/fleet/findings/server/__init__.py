"""Rules about a server: its memory, whether it refuses writes, and which errors it answers."""
