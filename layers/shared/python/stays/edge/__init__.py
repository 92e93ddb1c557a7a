"""What comes in and goes out beside the table and ZaloPay: HTTP, WebSocket, bus, mail, calendars."""
