"""What people read of the evidence."""
