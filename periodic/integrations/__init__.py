"""Where `periodic` meets other projects; nothing here is imported by the core."""
