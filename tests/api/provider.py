"""A small OpenID Connect provider: discovery, keys, authorization code with PKCE, signed ID tokens, and ways to lie."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "winnow-client", "winnow-client-secret"


class Provider:
    """One organisation with one user, who agrees to everything; ``lie`` names what is wrong with the next ID token."""

    def __init__(self) -> None:
        self.issuer = ""
        self.key = ECKey.generate_key("P-256", {"kid": "one"}, private=True)
        self.claims: dict[str, Any] = {"sub": "42", "email": "ann@lab.org", "email_verified": True}
        self.lie = ""
        self.refuses = False
        self.asked: list[dict[str, str]] = []
        self.codes: dict[str, dict[str, str]] = {}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.discovery),
                Route("/keys", lambda _: JSONResponse(KeySet([self.key]).as_dict(private=False))),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
            ]
        )

    def discovery(self, _: Request) -> Response:
        issuer = "https://elsewhere.test" if self.lie == "issuer" else self.issuer
        algorithms = ["none", "HS256", "ES256"] if self.lie in ("none", "hmac") else ["ES256"]
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": algorithms,
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }
        )

    def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        answer = {"state": asked["state"], "iss": self.issuer}
        if self.refuses:
            return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({**answer, 'error': 'access_denied'})}")
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({**answer, 'code': code})}")

    async def token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        asked = self.codes.pop(form["code"], None)
        basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        proof = _plain(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        fits = asked is not None and asked["code_challenge"] == proof
        if not fits or asked is None or request.headers.get("authorization") != basic:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if form["redirect_uri"] != asked["redirect_uri"] or asked["code_challenge_method"] != "S256":
            return JSONResponse({"error": "invalid_request"}, 400)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])})

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        late = now - 3_600 if self.lie == "expired" else now
        claims = {
            **self.claims,
            "iss": "https://elsewhere.test" if self.lie == "token issuer" else self.issuer,
            "aud": "another client" if self.lie == "audience" else CLIENT,
            "nonce": "another nonce" if self.lie == "nonce" else nonce,
            "iat": late,
            "exp": late + 300,
        }
        if self.lie in ("none", "hmac"):
            return self.by_hand(claims)
        forged = ECKey.generate_key("P-256", {"kid": "one"}, private=True)
        return jwt.encode({"alg": "ES256", "kid": "one"}, claims, forged if self.lie == "signature" else self.key)

    def by_hand(self, claims: dict[str, Any]) -> str:
        """Without a signature, or with one made of the public key, as a careless library would take it."""
        header = {"alg": "HS256", "kid": "one"} if self.lie == "hmac" else {"alg": "none"}
        text = ".".join(_plain(json.dumps(part).encode()) for part in (header, claims))
        made = hmac.digest(self.key.as_pem(private=False), text.encode(), "sha256") if self.lie == "hmac" else b""
        return f"{text}.{_plain(made)}"


def _plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
