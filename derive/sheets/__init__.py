"""Exercises from one source: the student's sheet with blanks, its key, and the problem that works are held against."""
