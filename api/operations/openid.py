"""Signing in with an organisation's account, by OpenID Connect; the only home of Authlib.

The authorization code flow with PKCE, a state and a nonce. What the provider says counts only if it is signed with one
of its keys, by an asymmetric algorithm, for this client, just now, and for the sign-in that this browser has begun.
"""

from collections.abc import Mapping
from functools import cache
from ssl import SSLContext
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.base_client.async_app import AsyncOAuth2Mixin
from authlib.integrations.base_client.async_openid import AsyncOpenIDMixin
from authlib.integrations.httpx_client import AsyncOAuth2Client
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc.errors import JoseError

from active_learning.domain.access import UserRole
from active_learning.domain.errors import Forbidden, NotFound, StateError, Unavailable
from active_learning.domain.value import Value
from api.operations import accounts
from api.operations.context import Winnow
from api.store.connection import Document

PATH = "/sign-in/elsewhere/back"
"""Where the provider sends browsers back to, below the public address: it has to be registered there."""

LONGEST_S = 600
"""Seconds from the beginning of a sign-in to its end."""

TIMEOUT_S = 10.0
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures that only the provider can make. The others, ``none`` and HMAC, are never taken, whatever it says."""

STRONGEST_FIRST = (UserRole.ADMIN, UserRole.RESEARCHER, UserRole.VIEWER)
AGAIN = "Begin again at the sign-in page."


class Begun(Value):
    """A sign-in that has begun: where the browser goes now, and what it keeps, signed, until it comes back."""

    url: str
    kept: str


class Known(Value):
    """Somebody whom the provider has vouched for. ``after`` is the path that the sign-in was wanted for."""

    user: str
    issuer: str
    after: str


class _Provider(AsyncOAuth2Mixin, AsyncOpenIDMixin):  # type: ignore[misc]  # Authlib has no types
    """Authlib's client of one provider, without a web framework around it."""

    client_cls = AsyncOAuth2Client


async def begin(w: Winnow, after: str) -> Begun:
    """The address at the provider to send the browser to; raises :class:`NotFound` where none is configured."""
    provider = await _provider(w)
    made = await provider.create_authorization_url(_back(w))
    kept = {**{name: made[name] for name in ("state", "nonce", "code_verifier")}, "after": after}
    return Begun(url=made["url"], kept=_signer(w).dumps(kept))


async def finish(w: Winnow, kept: str, answer: Mapping[str, str]) -> Known:
    """Who has come back: ``answer`` is what the provider has sent along, ``kept`` what the browser has kept.

    A user whom nobody has seen is added, one whom an admin has added for this e-mail address is taken over. Raises
    :class:`Forbidden` for everything that does not fit, :class:`Unavailable` where the provider does not answer.
    """
    try:
        begun = _signer(w).loads(kept, max_age=LONGEST_S)
    except BadSignature as error:
        raise Forbidden("This sign-in was not begun in this browser, or long ago.", AGAIN) from error
    provider = await _provider(w)
    issuer = provider.server_metadata["issuer"]
    if answer.get("state") != begun["state"] or answer.get("iss", issuer) != issuer:
        raise Forbidden("This is the answer to another sign-in.", AGAIN)
    if "code" not in answer:
        why = answer.get("error_description") or answer.get("error") or "no code"
        raise Forbidden(f"{w.settings.oidc_title} did not let you in: {why[:200]}.", AGAIN)
    claims = await _claims(w, provider, answer["code"], begun)
    return Known(user=await _user(w, issuer, claims), issuer=issuer, after=begun["after"])


def _signer(w: Winnow) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(w.secret, salt="openid")


def _back(w: Winnow) -> str:
    return f"{w.settings.public_url}{PATH}"


@cache
def _trusted() -> SSLContext:
    """The certificates that are trusted: reading them takes longer than a sign-in."""
    return httpx2.create_ssl_context()


async def _provider(w: Winnow) -> Any:
    """The provider as it describes itself now: sign-ins are few, so its keys are asked for each time."""
    settings = w.settings
    if not settings.oidc_issuer:
        raise NotFound("No organisation's accounts are let in here.", "Sign in with a name and a password.")
    provider = _Provider(
        framework=None,
        name="openid",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret or None,
        server_metadata_url=f"{settings.oidc_issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email profile",
            "code_challenge_method": "S256",
            "timeout": TIMEOUT_S,
            "verify": _trusted(),
            **({} if settings.oidc_client_secret else {"token_endpoint_auth_method": "none"}),
        },
    )
    try:
        metadata = await provider.load_server_metadata()
    except (httpx2.HTTPError, ValueError) as error:
        raise Unavailable(f"{settings.oidc_title} does not answer.", "Try again in a moment.") from error
    if str(metadata.get("issuer", "")).rstrip("/") != settings.oidc_issuer:
        raise Forbidden(
            f"{settings.oidc_issuer} calls itself '{str(metadata.get('issuer'))[:200]}'.", "Correct WINNOW_OIDC_ISSUER."
        )
    said = metadata.get("id_token_signing_alg_values_supported") or ("RS256",)
    metadata["id_token_signing_alg_values_supported"] = [name for name in ALGORITHMS if name in said]
    return provider


async def _claims(w: Winnow, provider: Any, code: str, begun: Mapping[str, str]) -> Mapping[str, Any]:
    """What the provider vouches for, checked."""
    title, client = w.settings.oidc_title, w.settings.oidc_client_id
    try:
        token = await provider.fetch_access_token(_back(w), code=code, code_verifier=begun["code_verifier"])
        options = {
            "iss": {"essential": True, "value": provider.server_metadata["issuer"]},
            "aud": {"essential": True, "value": client},
        }
        claims = await provider.parse_id_token(token, nonce=begun["nonce"], claims_options=options)
    except OAuthError as error:
        raise Forbidden(f"{title} did not let you in: {error.error}.", AGAIN) from error
    except (JoseError, ValueError, KeyError) as error:
        raise Forbidden(f"What {title} says about you cannot be trusted ({type(error).__name__}).", AGAIN) from error
    except httpx2.HTTPError as error:
        raise Unavailable(f"{title} does not answer.", "Try again in a moment.") from error
    if not claims or not claims.get("sub"):
        raise Forbidden(f"{title} does not say who you are.", "Ask its administrators for OpenID Connect.")
    return dict(claims)


async def _user(w: Winnow, issuer: str, claims: Mapping[str, Any]) -> str:
    """The name of the user whom these claims are about; his role follows them where the provider names roles."""
    subject = {"issuer": issuer, "id": str(claims["sub"])}
    known = await w.store.users.by_subject(issuer, subject["id"])
    role = _role(w, claims)
    _check_domain(w, claims)
    if known is not None:
        if known["disabled"]:
            raise Forbidden(f"The user '{known['_id']}' is disabled.", "An admin can change that.")
        await _follow(w, known, role)
        return str(known["_id"])
    email = claims.get("email") if _verified(claims) else None
    name = accounts.check_name(str(email or claims.get("preferred_username") or claims["sub"]))
    invited = await w.store.users.get(name)
    if invited is None:
        return await _add(w, name, subject, role)
    if invited["password"] is not None or "subject" in invited or not _verified(claims):
        raise Forbidden(
            f"There is a user '{name}' already, who signs in in another way.",
            "Ask an admin for a way in.",
        )
    await w.store.users.put(name, {"subject": subject})
    await _follow(w, invited, role)
    return name


async def _add(w: Winnow, name: str, subject: Document, role: UserRole | None) -> str:
    given = role or (UserRole(w.settings.oidc_default_role) if w.settings.oidc_default_role else None)
    if given is None:
        raise Forbidden(f"'{name}' has no role in Winnow.", "An admin can add you under this name.")
    await accounts.enrol(w, name, given, {"subject": subject})
    return name


async def _follow(w: Winnow, user: Document, role: UserRole | None) -> None:
    """Give a user the role that the provider names; the last admin stays one."""
    if role is not None and role != user["role"]:
        try:
            await accounts.change(w, user["_id"], role)
        except StateError:
            return


def _verified(claims: Mapping[str, Any]) -> bool:
    return claims.get("email_verified") in (True, "true")


def _check_domain(w: Winnow, claims: Mapping[str, Any]) -> None:
    """Let in only e-mail addresses of the domains that may come in, and only those that the provider has checked."""
    if "*" in w.settings.oidc_domains:
        return
    _, _, domain = str(claims.get("email", "")).lower().rpartition("@")
    if domain not in w.settings.oidc_domains or not _verified(claims):
        raise Forbidden(
            f"Accounts of {domain or 'this kind'} may not sign in here.",
            f"Only verified addresses of {', '.join(w.settings.oidc_domains)}.",
        )


def _role(w: Winnow, claims: Mapping[str, Any]) -> UserRole | None:
    """The strongest role among what the role claim says; ``None`` where it says none."""
    said = claims.get(w.settings.oidc_role_claim, ()) if w.settings.oidc_role_claim else ()
    words = {
        str(word).lower() for word in ([said] if isinstance(said, str) else said if isinstance(said, list) else ())
    }
    return next((role for role in STRONGEST_FIRST if words & {role.value, f"winnow-{role.value}"}), None)
