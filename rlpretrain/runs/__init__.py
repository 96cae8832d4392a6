"""What runs leave on the disk: folders, files, manifests, and the cache that they share."""
