#!/usr/bin/env python
"""Django's command line for Streamgauge."""

from dashboard.cli import main

if __name__ == "__main__":
    main()
