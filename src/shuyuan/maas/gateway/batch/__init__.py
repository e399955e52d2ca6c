"""Work for later: files, batches, and the durable turns that answer their lines."""
