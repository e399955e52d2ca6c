"""Data sets: what came, what it holds, how it was cleaned and split, and what it may be used for.

Owns data sets, their versions (addressed by what they hold), reading, cleaning, augmentation and splits. The server
keeps rows and files only; tables are opened in a child process. Refuses personal data without consent for training,
archives that grow beyond their bounds, and to register half of anything.
"""
