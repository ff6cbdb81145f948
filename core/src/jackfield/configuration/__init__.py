"""What `jackfield.config` is made of: places in a file, and which files are trusted."""

__all__: list[str] = []
