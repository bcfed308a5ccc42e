"""Who may open a socket, from where, how many, and how much may be followed on it."""
