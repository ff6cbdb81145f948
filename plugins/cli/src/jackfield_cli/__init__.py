"""The `jackfield` command. Its commands are plugins, found by entry-point name and imported when they are run."""
