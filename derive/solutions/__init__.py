"""The Document of every catalogue entry."""
