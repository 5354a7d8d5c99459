"""Formulas from books and sheets, each with its source, and the catalogue that all commands read."""
