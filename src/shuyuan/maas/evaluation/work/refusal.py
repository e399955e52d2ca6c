"""The one error of the work: told to the person, with the fix."""


class Refused(ValueError):
    """What was given cannot be evaluated as it stands."""

    def __init__(self, code: str, message: str, fix: str) -> None:
        super().__init__(message)
        self.code, self.message, self.fix = code, message, fix
