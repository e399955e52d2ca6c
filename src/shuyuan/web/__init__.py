"""The pages: server-rendered HTML in Chinese and English that calls the services' interfaces, never their tables.

A page answers one question of one role. Everything said comes from `words/`, everything drawn from `charts`,
every page goes through `shell`. It refuses inline script and style, addresses of other servers, and to decide
anything: rights and grading belong to the services.
"""
