"""`segue doctor`: is everything in place? Looks, changes nothing, and says what to do."""
