"""What is said: conversations, approved answers and crisis wording as data, and what makes them valid."""
