"""One blocking reader per server: where each watched stream stands, and whom it asks next."""
