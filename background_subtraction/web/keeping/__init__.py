"""Files of visitors: where they are, how many there may be, how long they are kept, and what becomes of them."""
