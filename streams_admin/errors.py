"""Why an action is not planned or not run. Every message is one sentence that may be shown."""

from __future__ import annotations


class Refused(Exception):
    """Nothing was done. `status` is the HTTP status a page and the API answer with."""

    status = 409

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadOrder(Refused):
    """The parameters make no sense."""

    status = 400


class NoSuchPlan(Refused):
    """The plan does not exist, was altered, or belongs to somebody else."""

    status = 404


class Expired(Refused):
    """The plan is older than two minutes."""

    status = 410


class TooOften(Refused):
    """So much was denied that it is not even written down any more."""

    status = 429


class Changed(Refused):
    """What the plan was made on no longer holds."""


class NotConfirmed(Refused):
    """The text that has to be typed was not."""

    status = 400
