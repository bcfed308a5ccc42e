"""Style sheets and scripts as browsers get them: bundled, named by content, compressed; no step for the user."""
