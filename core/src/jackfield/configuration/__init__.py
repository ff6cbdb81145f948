"""What `jackfield.config` is made of: places in a file, the variables that set values, and trust."""
