"""What is there before anything is done: damage, tone, doubles, and what it will cost."""
