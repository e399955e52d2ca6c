"""The pages, one file per family; each has `router(needs)`."""
