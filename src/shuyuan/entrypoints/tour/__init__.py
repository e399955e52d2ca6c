"""The tour: a student and a teacher walk through the main job, through public HTTP only, with a timed transcript."""
