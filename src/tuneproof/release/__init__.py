"""What a trained model is handed over with: its record, its card, its merged form."""
