"""The verbs of identity in one class; each group of verbs lies in its own file.

Every change is audited in its own unit of work and empties the principal cache once it is durable.
"""

from shuyuan.identity.groups import Groups
from shuyuan.identity.keys import Keys
from shuyuan.identity.links import Links


class IdentityService(Links, Groups, Keys):
    """Implements `interface.Identity`: schools, accounts, sessions, links, groups, keys. One per process."""
