"""What hostile data, narrowed viewers and strangers try."""
