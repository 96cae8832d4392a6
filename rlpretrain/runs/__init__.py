"""What runs store on disk: folders, files, manifests, and the cache that they share."""
