"""What needs attention: one rule, one file. `registry` runs them all. Pure: values in, values out."""
