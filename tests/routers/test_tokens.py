"""Tokens: an identity provider's and our own, taken as they were meant and refused in every other shape."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from app.domain.access import CONSOLE_SCOPES, SCOPES
from app.services import tokens
from app.services.tokens import CONSOLE_MINUTES, OUR_AUDIENCE, OURS
from app.settings import Settings
from app.vault import Vault
from tests.conftest import make_key, make_settings, serving
from tests.factories.answers import not_now, problem, refused_fields
from tests.factories.contacts import call
from tests.factories.issuers import AUDIENCE, NAME, Issuer, new_ec, new_rsa, showing
from tests.factories.subscribers import subscriber
from tests.service import Service


@pytest.fixture
def issuer() -> Issuer:
    return Issuer({"one": new_rsa(), "two": new_ec()})


@pytest.fixture
def taking(settings: Settings, issuer: Issuer) -> Iterator[Service]:
    """A service that takes the issuer's tokens."""
    with showing(issuer) as address:
        told = settings.model_dump() | {"jwt_issuer": NAME, "jwt_audience": AUDIENCE, "jwt_jwks": address}
        with serving(Settings.model_validate(told)) as running:
            yield running


def ask(service: Service, token: str, path: str = "/v1/features") -> httpx.Response:
    with service.as_caller(token) as caller:
        return caller.get(path)


def test_an_issuers_token_does_what_its_scopes_say(taking: Service, issuer: Issuer) -> None:
    person = subscriber(taking.client)
    for key, algorithm, scope in (
        ("one", "RS256", "subscribers:read"),
        ("two", "ES256", ["subscribers:read", "email"]),
    ):
        token = issuer.token(key, algorithm, scope=scope)
        assert ask(taking, token, f"/v1/subscribers/{person}").status_code == 200
        problem(ask(taking, token, "/v1/complaints"), 403)
    assert issuer.asked == 1


def test_who_brings_tokens_is_one_caller_whose_writes_are_its_own(
    taking: Service, issuer: Issuer, store: psycopg.Connection
) -> None:
    person, scope = subscriber(taking.client), "interactions:read interactions:write"
    answers = []
    for number in range(2):
        with taking.as_caller(issuer.token(sub="billing", scope=scope, jti=str(number))) as caller:
            body = call(person, agent_id=None)
            answers.append(caller.post("/v1/interactions", json=body, headers={"idempotency-key": "the same"}))
            time.sleep(0.01)
    assert [answer.status_code for answer in answers] in ([201, 201], [201, 422])  # the time it is said to have been
    [[name, count]] = store.execute(
        "SELECT name, count(*) FROM api_keys WHERE prefix LIKE 'jwt_%' AND name = 'billing' GROUP BY name"
    ).fetchall()
    assert (name, count) == ("billing", 1)


def test_an_agents_token_speaks_for_that_agent(taking: Service, issuer: Issuer) -> None:
    with taking.as_caller(issuer.token(agent_id="agent-1", scope="interactions:write")) as caller:
        person = subscriber(taking.client)
        problem(caller.post("/v1/interactions", json=call(person, agent_id="agent-2")), 403)
        assert caller.post("/v1/interactions", json=call(person, agent_id="agent-1")).status_code == 201


def test_a_regions_token_reaches_that_region(taking: Service, issuer: Issuer) -> None:
    here, there = (subscriber(taking.client, region=region) for region in ("east", "west"))
    token = issuer.token(regions=["east"])
    assert ask(taking, token, f"/v1/subscribers/{here}").status_code == 200
    problem(ask(taking, token, f"/v1/subscribers/{there}"), 404)


def test_keys_that_are_new_are_found_and_those_that_are_gone_forgotten(
    taking: Service, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = issuer.token()
    assert ask(taking, before).status_code == 200
    issuer.keys = {"three": new_rsa()}
    problem(ask(taking, issuer.token("three")), 401)  # it was asked a moment ago
    assert issuer.asked == 1
    monkeypatch.setattr(tokens, "PAUSE_SECONDS", 0.0)
    assert ask(taking, issuer.token("three")).status_code == 200
    problem(ask(taking, before), 401)


def test_keys_that_are_known_stand_while_their_issuer_is_away(
    taking: Service, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(taking, issuer.token()).status_code == 200
    issuer.silent = True
    monkeypatch.setattr(tokens, "FRESH_SECONDS", 0.0)
    for _ in range(3):
        assert ask(taking, issuer.token()).status_code == 200
        time.sleep(0.1)
    assert issuer.asked > 1


def test_an_issuer_that_never_answered_is_told_of_as_such(taking: Service, issuer: Issuer) -> None:
    issuer.silent = True
    not_now(ask(taking, issuer.token()))


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _signed(text: str, secret: bytes) -> str:
    return base64.urlsafe_b64encode(hmac.digest(secret, text.encode(), "sha256")).decode().rstrip("=")


def shaped(issuer: Issuer) -> dict[str, str]:
    """Tokens that are wrong in one way each."""
    now = int(time.time())
    good = issuer.token()
    header, claims, signature = good.split(".")
    other = Issuer()
    public = json.loads(issuer.shown())["keys"][0]
    confused = f"{segment({'alg': 'HS256', 'kid': 'one'})}.{claims}"
    return {
        "no algorithm": f"{segment({'alg': 'none', 'kid': 'one'})}.{claims}.",
        "no algorithm, with a signature": f"{segment({'alg': 'None', 'kid': 'one'})}.{claims}.{signature}",
        "the public key as a secret": f"{confused}.{_signed(confused, json.dumps(public).encode())}",
        "another algorithm than the key's": f"{segment({'alg': 'PS256', 'kid': 'one'})}.{claims}.{signature}",
        "somebody else's key": other.token(),
        "a key of no name here": issuer.token(header={"kid": "nine"}),
        "a key's name that is a path": issuer.token(header={"kid": "../../../../etc/passwd"}),
        "a key's name that is SQL": issuer.token(header={"kid": "x' UNION SELECT 'secret' --"}),
        "no key's name, of two": issuer.token(header={"kid": ""}),
        "a key it brings along": other.token(header={"jwk": json.loads(other.shown())["keys"][0]}),
        "a key it points to": other.token(header={"jku": "http://127.0.0.1:9/keys"}),
        "an extension nobody knows": issuer.token(header={"crit": ["exp2"], "exp2": 1}),
        "expired": issuer.token(exp=now - 60),
        "expired long ago": issuer.token(exp=0),
        "not valid yet": issuer.token(nbf=now + 120),
        "issued in the future": issuer.token(iat=now + 120),
        "no end": issuer.token(exp=None),
        "an end that is no number": issuer.token(exp="tomorrow"),
        "another issuer": issuer.token(iss="https://login.elsewhere.example"),
        "ourselves": issuer.token(iss=OURS, aud=OUR_AUDIENCE, agent="a", subscriber="s", name="n"),
        "another audience": issuer.token(aud="billing"),
        "no audience": issuer.token(aud=None),
        "nobody": issuer.token(sub=None),
        "a number for a name": f"{header}.{segment({**_claims(good), 'sub': 7})}.{signature}",
        "a changed claim": f"{header}.{segment({**_claims(good), 'scope': 'models:admin'})}.{signature}",
        "cut": good[:-5],
        "two signatures": f"{good}{signature}",
        "not base64": "a.b.c",
        "empty": "..",
        "very long": f"{header}.{'A' * 20_000}.{signature}",
        "deep": f"{header}.{base64.urlsafe_b64encode(b'[' * 5_000).decode().rstrip('=')}.{signature}",
        "no object": f"{header}.{segment([1])}.{signature}",
        "scopes that are a number": issuer.token(scope=7),
        "regions that are a text": issuer.token(regions="east"),
        "no regions at all": issuer.token(regions=[]),
        "every region": issuer.token(regions=["*"]),
        "an agent that is a list": issuer.token(agent_id=["a"]),
        "a weak key": Issuer({"one": new_rsa(1024)}).token(),
    }


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_in_any_other_shape_is_refused_alike(taking: Service, issuer: Issuer) -> None:
    assert ask(taking, issuer.token()).status_code == 200
    for shape, token in shaped(issuer).items():
        answer = ask(taking, token)
        assert answer.status_code == 401, (shape, answer.text)
        assert problem(answer, 401)["type"] == "/problems/token-refused", shape
        assert answer.headers["www-authenticate"].startswith("Bearer"), shape
    assert issuer.asked == 1


def test_where_no_issuer_is_named_no_tokens_are_taken(service: Service) -> None:
    problem(ask(service, Issuer().token()), 401)


def test_tokens_that_end_while_they_are_used_end(taking: Service, issuer: Issuer) -> None:
    within_leeway, beyond = (issuer.token(exp=int(time.time()) - seconds) for seconds in (5, 45))
    assert ask(taking, within_leeway).status_code == 200
    problem(ask(taking, beyond), 401)


def test_a_screens_token_is_bound_to_agent_and_person_for_fifteen_minutes(api: httpx.Client, service: Service) -> None:
    person = subscriber(api)
    made = api.post("/v1/console-tokens", json={"subscriber_id": person, "agent_id": "agent-1"})
    assert made.status_code == 201
    told = made.json()
    left = datetime.fromisoformat(told["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= CONSOLE_MINUTES
    assert set(told["scopes"]) == CONSOLE_SCOPES
    with service.as_caller(told["token"]) as screen:
        assert screen.post("/v1/interactions", json=call(person, agent_id=None)).json()["agent_id"] == "agent-1"
        problem(screen.post("/v1/interactions", json=call(person, agent_id="agent-2")), 403)
        problem(screen.post("/v1/console-tokens", json={"subscriber_id": person, "agent_id": "agent-1"}), 403)


def test_a_screens_token_may_no_more_than_its_maker(service: Service, api: httpx.Client) -> None:
    person = subscriber(api, region="east")
    key = make_key(service.settings, {"subscribers:read", "models:admin"}, "agent-3", regions=["east"])
    with service.as_caller(key) as maker:
        made = maker.post("/v1/console-tokens", json={"subscriber_id": person}).json()
        assert (made["agent_id"], made["scopes"]) == ("agent-3", ["subscribers:read"])
        other = {"subscriber_id": person, "agent_id": "agent-4"}
        problem(maker.post("/v1/console-tokens", json=other), 403)
        beyond = {"subscriber_id": subscriber(api, region="west")}
        assert refused_fields(maker.post("/v1/console-tokens", json=beyond)) == {"/subscriber_id"}
    with service.as_caller(made["token"]) as screen:
        assert screen.get(f"/v1/subscribers/{person}").status_code == 200
        api.patch(f"/v1/subscribers/{person}", json={"region": "west"}, headers={"if-match": "*"}).raise_for_status()
        problem(screen.get(f"/v1/subscribers/{person}"), 404)


def test_a_token_is_for_one_agent(api: httpx.Client) -> None:
    assert refused_fields(api.post("/v1/console-tokens", json={"subscriber_id": subscriber(api)})) == {"/agent_id"}


def test_a_screens_token_outlives_a_change_of_master_keys_and_nothing_else(
    settings: Settings, service: Service, api: httpx.Client
) -> None:
    person = subscriber(api)
    made = api.post("/v1/console-tokens", json={"subscriber_id": person, "agent_id": "a"}).json()
    other = make_settings("postgresql://nowhere", settings.models_dir)
    claims = _claims(made["token"])
    for change in ({"exp": int(time.time()) - 1}, {"subscriber": "somebody"}, {"scope": "models:admin"}, {}):
        forged = jwt.encode(claims | change, Vault(other.keys).signing_keys(OUR_AUDIENCE.encode())[0], "HS256")
        problem(ask(service, forged), 401)
    [mine] = Vault(settings.keys).signing_keys(OUR_AUDIENCE.encode())
    problem(ask(service, jwt.encode(claims | {"exp": int(time.time()) - 1}, mine, "HS256")), 401)
    problem(ask(service, jwt.encode(claims | {"aud": "elsewhere"}, mine, "HS256")), 401)
    keys = other.master_keys.get_secret_value() + "," + settings.master_keys.get_secret_value()
    with serving(Settings.model_validate(settings.model_dump() | {"master_keys": keys})) as rotated:
        assert ask(rotated, made["token"], f"/v1/subscribers/{person}").status_code == 200


def test_scopes_of_a_screen_are_scopes() -> None:
    assert CONSOLE_SCOPES < SCOPES
