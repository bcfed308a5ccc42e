"""How frames leave: in turns, each over its socket, as much at a time as is taken."""
