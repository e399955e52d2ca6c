"""The commands of `shuyuan`, one family a file. They parse, call and print."""
