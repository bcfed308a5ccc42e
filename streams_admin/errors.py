"""Why an action is not planned or not run. Every message is one sentence that may be shown."""

from __future__ import annotations


class ActionError(Exception):
    """Why nothing was done. `status` is the HTTP status a page and the API answer with."""

    status = 409

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Conflict(ActionError):
    """It cannot be done as things stand."""


class BadParameters(ActionError):
    """The parameters make no sense."""

    status = 400


class NoSuchPlan(ActionError):
    """The plan does not exist, was altered, or belongs to somebody else."""

    status = 404


class Expired(ActionError):
    """The plan is older than two minutes."""

    status = 410


class TooManyAttempts(ActionError):
    """So much was denied that it is not even written down any more."""

    status = 429


class Changed(Conflict):
    """What the plan was made on no longer holds."""


class NotConfirmed(ActionError):
    """The text that has to be typed was not."""

    status = 400
