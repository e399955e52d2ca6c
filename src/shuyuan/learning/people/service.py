"""The verbs of people in one class; each group of verbs lies in its own file.

Whoever may not see a class or a learner gets NotFound, as if it were not there.
"""

from shuyuan.learning.people.classes import Classes
from shuyuan.learning.people.importing import Importing


class PeopleService(Classes, Importing):
    """Implements `interface.People`: classes, learners, class lists."""
