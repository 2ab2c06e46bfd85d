"""What provision adds to a machine: one model, built by one small file per concern, rendered by one per target."""
