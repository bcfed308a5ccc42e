"""Rules about what a group has not read: who reads it, whether they keep up, and what they lose."""
