"""Who: principals with a stable id, their grants, how they sign in, and what they may see and do."""
