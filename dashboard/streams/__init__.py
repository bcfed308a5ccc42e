"""What a stream is: servers, queries and frozen values. No HTTP, no ORM, no templates, no Django."""
