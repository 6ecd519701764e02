"""New pairs in, what a trained model says of each out: a stream from file to file."""
