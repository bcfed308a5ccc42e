"""A value as a person reads it: ages, numbers, names, rows, gauge and sparkline."""
