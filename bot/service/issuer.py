"""Single sign-on by OpenID Connect: the code flow with PKCE, state and nonce, as OpenID Connect Core 1.0 and RFC 9700 say.

Nothing is kept between leaving for the issuer and coming back but one secret in the browser, of which the three are made.
"""

import hashlib
import hmac
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]  # Authlib publishes no types
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped]  # as above
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]  # as above
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from bot.log import get
from bot.service.signing_in import Claimed, Refused

PATIENCE: Final = 5.0
"""Seconds for each answer of the issuer."""
KNOWN_FOR: Final = 3600.0
"""Seconds for which the issuer's addresses and keys are believed."""
LEEWAY: Final = 60
"""Seconds by which the issuer's clock may differ."""
ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a public key only: with `none` or a shared secret anybody could be anybody."""

log = get(__name__)


@dataclass(frozen=True, slots=True)
class IssuerConfig:
    """What settings say. url: of the issuer, without a last slash. role_map: the claim's values to roles of ours."""

    url: str
    client_id: str
    client_secret: str
    roles_claim: str
    role_map: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What the issuer publishes of itself. at: monotonic seconds when it was asked."""

    metadata: Mapping[str, Any]
    keys: KeySet
    at: float


class Issuer:
    """The issuer of single sign-on. Safe to use from several threads."""

    def __init__(self, config: IssuerConfig) -> None:
        self._config, self._lock = config, threading.Lock()
        self._known: Known | None = None

    def leave(self, secret: str, back: str) -> str | Refused:
        """The issuer's address to send the browser to. secret: of this one try; back: our own address to return to."""
        try:
            known = self._ask()
            with self._session(back) as session:
                url, _ = session.create_authorization_url(
                    known.metadata["authorization_endpoint"],
                    state=of(secret, "state"),
                    nonce=of(secret, "nonce"),
                    code_verifier=of(secret, "verifier"),
                )
        except (requests.RequestException, JoseError, ValueError, KeyError) as error:
            return _failed("issuer-away", error)
        return str(url)

    def come_back(self, secret: str, back: str, state: str, code: str) -> Claimed | Refused:
        """Whom the issuer vouches for. secret and back: as in `leave`; state and code: what the browser brought."""
        if not secret or not hmac.compare_digest(state.encode(), of(secret, "state").encode()) or not code:
            return Refused("issuer-failed")
        try:
            known = self._ask()
            token = self._exchange(known, secret, back, code)
            claims = self._verified(known, token, of(secret, "nonce"))
        except requests.RequestException as error:
            return _failed("issuer-away", error)
        except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
            return _failed("issuer-failed", error)
        return self._claimed(claims)

    def _session(self, back: str) -> Any:
        return OAuth2Session(
            self._config.client_id,
            self._config.client_secret,
            scope="openid email profile",
            redirect_uri=back,
            code_challenge_method="S256",
        )

    def _ask(self, *, anew: bool = False) -> Known:
        """The issuer's addresses and keys. anew: because a key is not among those that are known."""
        with self._lock:
            kept = self._known
            if kept and not anew and time.monotonic() - kept.at < KNOWN_FOR:
                return kept
            metadata = _get(f"{self._config.url}/.well-known/openid-configuration")
            if str(metadata["issuer"]).rstrip("/") != self._config.url:
                raise ValueError("the issuer calls itself something else")
            known = Known(metadata, KeySet.import_key_set(_get(metadata["jwks_uri"])), time.monotonic())
            self._known = known
            return known

    def _exchange(self, known: Known, secret: str, back: str, code: str) -> Mapping[str, Any]:
        with self._session(back) as session:
            token: Mapping[str, Any] = session.fetch_token(
                known.metadata["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=of(secret, "verifier"),
                timeout=PATIENCE,
            )
        return token

    def _verified(self, known: Known, token: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """The claims of the ID token, once signature, issuer, audience, time and nonce are right. Raises JoseError."""
        try:
            decoded = jwt.decode(token["id_token"], known.keys, algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            # The issuer has changed its keys since.
            decoded = jwt.decode(token["id_token"], self._ask(anew=True).keys, algorithms=ALGORITHMS)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": known.metadata["issuer"]},
                "aud": {"essential": True, "value": self._config.client_id},
            },
            params={"nonce": nonce, "client_id": self._config.client_id, "access_token": token.get("access_token")},
        )
        claims.validate(leeway=LEEWAY)
        return dict(claims)

    def _claimed(self, claims: Mapping[str, Any]) -> Claimed:
        values = named(claims, self._config.roles_claim)
        listed = values if isinstance(values, list) else [values]
        roles = {
            self._config.role_map[value]
            for value in listed
            if isinstance(value, str) and value in self._config.role_map
        }
        email = str(claims.get("email") or claims.get("preferred_username") or "")
        methods = claims.get("amr") or []
        return Claimed(
            subject=f"{claims['iss']} {claims['sub']}",
            email=email,
            email_verified=claims.get("email_verified") is True and bool(claims.get("email")),
            name=str(claims.get("name") or email),
            roles=tuple(sorted(roles)),
            # RFC 8176: the issuer says so itself; a password alone is not enough here.
            second_factor="mfa" in methods,
        )


def of(secret: str, purpose: str) -> str:
    """A value that only the holder of the secret can make, one for each purpose; long enough for a PKCE verifier."""
    return hashlib.sha256(f"{purpose}:{secret}".encode("utf-8", "replace")).hexdigest()


def named(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by the names on the way to it, such as realm_access.roles."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _get(url: str) -> Any:
    answer = requests.get(url, timeout=PATIENCE)
    answer.raise_for_status()
    return answer.json()


def _failed(problem: str, error: Exception) -> Refused:
    log.warning("single_sign_on_failed", problem=problem, error=type(error).__name__)
    return Refused(problem)
