"""What `jackfield.config` is made of: places in a file, variables, trust, and what can be said about a configuration."""
