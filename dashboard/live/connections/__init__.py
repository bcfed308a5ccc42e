"""How viewers connect: by WebSocket, or by server-sent events where that is blocked. Both carry the same frames."""
