"""The other ways in and out, beside the table and ZaloPay: HTTP, WebSocket, bus, mail, calendars."""
