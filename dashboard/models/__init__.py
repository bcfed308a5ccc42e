"""What the site keeps in its own database."""

from dashboard.models.grants import AccessGrant
from dashboard.models.incidents import Incident
from dashboard.models.sign_in import FailedSignIn, SignInLink
from dashboard.models.tokens import ApiToken

__all__ = ["AccessGrant", "ApiToken", "FailedSignIn", "Incident", "SignInLink"]
