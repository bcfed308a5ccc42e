"""How writes are sent: once, never again by themselves, and on which connection."""
