"""What becomes of an answer before the user sees it."""
