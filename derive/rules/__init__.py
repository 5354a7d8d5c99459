"""What may be done to an equation: one family of rules a file, each rule named and stated."""
