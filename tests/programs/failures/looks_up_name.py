"""Looks a host up."""

import socket

socket.create_connection(("data.example.com", 443), timeout=5)
