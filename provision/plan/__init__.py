"""What must be done: the pure difference of wanted, recorded and observed, in order, with reasons."""
