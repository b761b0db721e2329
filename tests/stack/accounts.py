"""Accounts and catalogue of a stack: what a cloud's installer leaves behind. Safe to run again.

Usage: accounts.py KEYSTONE_URL API_URL PASSWORD

One process with one session: the same through the `openstack` command takes a process for every line.
"""

import sys

from keystoneauth1 import adapter, session
from keystoneauth1.identity import v3

keystone_url, api_url, password = sys.argv[1:]

auth = v3.Password(
    auth_url=keystone_url, username="admin", password=password, project_name="admin",
    user_domain_id="default", project_domain_id="default")
# The endpoint is given, not looked up: the catalogue may still hold the ports of an earlier start.
keystone = adapter.Adapter(session.Session(auth=auth), endpoint_override=keystone_url)


def ensure(kind, body, **match):
    """The id of the one `kind` that matches, made from `body` if there is none."""
    found = keystone.get(f"/{kind}s", params=match).json()[f"{kind}s"]
    if found:
        return found[0]["id"]
    return keystone.post(f"/{kind}s", json={kind: {**match, **body}}).json()[kind]["id"]


def project(name):
    return ensure("project", {"domain_id": "default"}, name=name)


def user(name):
    return ensure("user", {"domain_id": "default", "password": password}, name=name)


def grant(role_name, user_id, project_id):
    role_id = ensure("role", {}, name=role_name)
    keystone.put(f"/projects/{project_id}/users/{user_id}/roles/{role_id}")


def publish(service_type, name, url):
    service_id = ensure("service", {"name": name}, type=service_type)
    for interface in ("public", "internal", "admin"):
        endpoint_id = ensure(
            "endpoint", {"url": url, "region_id": "RegionOne"}, service_id=service_id, interface=interface)
        keystone.patch(f"/endpoints/{endpoint_id}", json={"endpoint": {"url": url}})


grant("admin", user("freezer"), project("service"))
# Whose plans the tests run: a member, as on a customer's node.
grant("member", user("demo"), project("demo"))
# Another customer, and the project of a node that runs the plans of both: it may see all plans (service), be a client
# in its own project (member), and change nothing in theirs but by their trusts.
grant("member", user("other"), project("other"))
grant("service", user("freezer"), project("nodes"))
grant("member", user("freezer"), project("nodes"))
publish("identity", "keystone", keystone_url)
publish("backup", "freezer", api_url)
