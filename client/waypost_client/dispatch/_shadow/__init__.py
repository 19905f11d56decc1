"""What runs beside the live answer."""
