"""What an author wrote, read into one tree with positions: the plain notation now. Nothing is evaluated, ever."""
