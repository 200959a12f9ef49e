"""`gatepost ldap test` beside a real slapd: what is found by each query, what it means, and why there is nothing; and our
schema in both forms in which slapd takes it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from servers.milter import TOP, build_folder, libconfig, merged
from servers.process import free_port
from servers.slapd import BASE, GATEPOST, Slapd
from test_sign import Keys

pytestmark = pytest.mark.skipif(not (build_folder() / "tests/probe/gp-ldap-probe").exists() or not Path("/usr/sbin/slapd").exists(),
                                reason="a build with LDAP, and slapd, are needed")
JOE = f"uid=joe,{BASE}"
LDIF = (f"dn: {JOE}\nobjectClass: inetOrgPerson\nobjectClass: gatepostAccount\nuid: joe\ncn: joe\nsn: joe\n"
        "mail: joe@example.org\ngatepostLimit: 100 per 1h, 500 per 1d\ngatepostLimit: outbound: unlimited\n"
        "gatepostLimit: inbound: 5 per 1h\ngatepostLimit: many\ngatepostSpam: reject=12\ngatepostWelcome: *@partner.example\ngatepostSender: sales@example.org\n\n"
        f"dn: uid=odd,{BASE}\nobjectClass: inetOrgPerson\nobjectClass: gatepostAccount\nuid: odd\ncn: odd\nsn: odd\n"
        "mail: odd@example.org\ngatepostSpam: reject=never\ngatepostSpam: colour=blue\n\n"
        f"dn: uid=bare,{BASE}\nobjectClass: inetOrgPerson\nuid: bare\ncn: bare\nsn: bare\nmail: bare@example.org\n\n"
        f"dn: ou=hosted,{BASE}\nobjectClass: organizationalUnit\nobjectClass: domainRelatedObject\n"
        "objectClass: gatepostAccount\nou: hosted\nassociatedDomain: hosted.example\ngatepostSigningDomain: provider.example\n"
        "gatepostSpam: reject=9\n\n")


@pytest.fixture(scope="module")
def slapd(module_world: Path) -> Iterator[Slapd]:
    server = Slapd(module_world / "slapd", LDIF, GATEPOST)
    server.start()
    yield server
    server.stop()


class Command:
    """`gatepost ldap test` with a configuration."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.config = folder / "gatepost.conf"
        self.config.write_text("".join(f"{k} = {libconfig(v)};\n" for k, v in settings.items()))

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([build_folder() / "cli/gatepost", "-c", self.config, "ldap", "test", *args], text=True,
                              capture_output=True, timeout=60)

    def told(self, *args: str, status: int) -> dict[str, dict[str, Any]]:
        done = self.run("--json", *args)
        assert done.returncode == status, (done.stdout, done.stderr)
        return {row["use"]: row for row in map(json.loads, done.stdout.splitlines())}


def settings(slapd: Slapd, world: Path, **ldap: Any) -> dict[str, Any]:
    keys = Keys(world / "keyfiles")
    keys.make("provider.example", "p1")
    table = keys.table("provider.example p1=@p1.provider.example\n")
    query = {"base": BASE}
    return {"ldap": slapd.settings(**ldap),
            "milter-spam": {"ldap": {"recipients": query, "domains": query}},
            "milter-dkim": {"sign": {"key_directory": "", "keys": table, "ldap": {"keys": query, "senders": query}}}}


@pytest.fixture
def command(slapd: Slapd, world: Path) -> Command:
    return Command(world, settings(slapd, world))


def test_found(command: Command, slapd: Slapd) -> None:
    told = command.told("joe@example.org", status=0)
    row = told["milter-spam.ldap.recipients"]
    assert (row["result"], row["dn"], row["server"], row["entries"]) == ("found", JOE, slapd.url, 1)
    assert (row["base"], row["filter"], row["key"]) == (BASE, "(mail=joe@example.org)", "joe@example.org")
    assert row["values"] == [{"attribute": "gatepostSpam", "value": "reject=12"},
                             {"attribute": "gatepostWelcome", "value": "welcome=*@partner.example"}]
    assert [m["usable"] for m in row["means"]] == [True, True]
    assert "thresholds.reject is 12" in row["means"][0]["text"] and "*@partner.example" in row["means"][1]["text"]
    assert told["milter-spam.ldap.domains"]["result"] == "absent" and told["milter-spam.ldap.domains"]["key"] == "example.org"
    assert [m["text"] for m in told["milter-dkim.sign.ldap.senders"]["means"]] == [
        "may send as the address sales@example.org", "may send as the address joe@example.org"]


def test_signing_and_domain(command: Command) -> None:
    told = command.told("x@hosted.example", status=0)
    assert re.match(r"signed with d=provider.example s=p1 ", told["milter-dkim.sign.ldap.keys"]["means"][0]["text"])
    assert told["milter-spam.ldap.domains"]["result"] == "found"


def test_text(command: Command) -> None:
    done = command.run("joe@example.org", "--use", "recipients")
    assert done.returncode == 0 and not done.stderr
    for line in ("milter-spam.ldap.recipients: joe@example.org", f"    base     {BASE} (the whole tree)",
                 "    filter   (mail=joe@example.org)", f"    entry    {JOE}", "    value    gatepostSpam: reject=12",
                 "    means    reject=12: thresholds.reject is 12 here"):
        assert line in done.stdout.splitlines(), done.stdout
    assert "senders" not in done.stdout


def test_nothing(command: Command) -> None:
    told = command.told("nobody@example.org", status=1)
    assert {row["result"] for row in told.values()} == {"absent"} and told["milter-spam.ldap.recipients"]["why"] == "no such entry"
    assert "none of the attributes" in command.told("bare@example.org", "--use", "recipients", status=1)["milter-spam.ldap.recipients"]["why"]


def test_unusable(command: Command) -> None:
    row = command.told("odd@example.org", status=65)["milter-spam.ldap.recipients"]
    assert row["result"] == "unusable" and [m["usable"] for m in row["means"]] == [False, False]
    assert "WRONG" in command.run("odd@example.org").stdout


def test_limits(slapd: Slapd, world: Path) -> None:
    """Values for limits by account, with and without their names; those that no limit takes are said."""
    query = {"base": BASE, "filter": "(uid=%s)", "result": ["gatepostLimit"]}
    limits = {"outbound": {"by": ["sasl_username"], "windows": ["10 per 1h"]}}
    command = Command(world, {"ldap": slapd.settings(), "policyd-ratelimit": {"ldap": {"limits": query}, "limits": limits}})
    means = command.told("joe", status=65)["policyd-ratelimit.ldap.limits"]["means"]
    assert {m["word"]: m["usable"] for m in means} == {"100 per 1h, 500 per 1d": True, "outbound: unlimited": True,
                                                       "inbound: 5 per 1h": False, "many": False}


def test_not_for_this_key(slapd: Slapd, world: Path) -> None:
    query = {"base": BASE, "domains": ["example.org"]}
    command = Command(world, {"ldap": slapd.settings(), "milter-spam": {"ldap": {"recipients": query}},
                              "policyd-ratelimit": {"sender": {"ldap": {"base": f"ou=%d,{BASE}", "filter": "(mail=%s)"}}}})
    told = command.told("joe@example.com", "--use", "recipients", status=1)["milter-spam.ldap.recipients"]
    assert told["result"] == "not-asked" and "not in milter-spam.ldap.recipients.domains" in told["why"]
    told = command.told("joe", "--use", "sender.ldap", status=1)["policyd-ratelimit.sender.ldap"]
    assert told["result"] == "not-asked" and "lacks" in told["why"]


def test_empty_name(command: Command) -> None:
    """Its reason is not that the query lacks something."""
    assert {row["why"] for row in command.told("", status=1).values()} == {"nobody asks about an empty name"}


def test_file_goes_before(slapd: Slapd, world: Path) -> None:
    (world / "recipients").write_text("# ours\n@example.org reject=20\n")
    more = {"milter-spam": {"recipients": str(world / "recipients")}}
    command = Command(world, merged(settings(slapd, world), more))
    row = command.told("joe@example.org", "--use", "recipients", status=0)["milter-spam.ldap.recipients"]
    assert row["file"] == {"path": str(world / "recipients"), "line": 2, "key": "@example.org", "value": "reject=20"}
    assert "that counts" in command.run("joe@example.org").stdout


@pytest.mark.parametrize("change, status, result, why", [
    ({"uri": f"ldap://127.0.0.1:{free_port()}"}, 75, "down", "contact"),
    ({"bind_dn": f"cn=nobody,{BASE}"}, 77, "refused", "Invalid credentials"),
    ({"bind": "anonymous", "bind_dn": "", "password_file": ""}, 78, "wrong", "No such object"),
    ({"password_file": "/nowhere/password"}, 77, "refused", "password_file"),
])
def test_servers_that_fail(slapd: Slapd, world: Path, change: dict[str, str], status: int, result: str, why: str) -> None:
    command = Command(world, settings(slapd, world, **change))
    row = command.told("joe@example.org", "--use", "recipients", status=status)["milter-spam.ldap.recipients"]
    assert row["result"] == result and why in row["why"]


def test_wrong_base(slapd: Slapd, world: Path) -> None:
    command = Command(world, {"ldap": slapd.settings(), "milter-spam": {"ldap": {"recipients": {"base": "no name"}}}})
    assert command.told("joe@example.org", status=78)["milter-spam.ldap.recipients"]["result"] == "wrong"


@pytest.mark.parametrize("base, status, result", [
    (f"ou=nowhere,{BASE}", 78, "wrong"), (f"ou=%%d,{BASE}", 78, "wrong"), (f"ou=%d,{BASE}", 1, "absent")])
def test_base_that_is_not_there(slapd: Slapd, world: Path, base: str, status: int, result: str) -> None:
    """As in ldap_table(5): where the base depends on the key, no base is no entry; one for all keys has to be there."""
    command = Command(world, {"ldap": slapd.settings(), "milter-spam": {"ldap": {"recipients": {"base": base}}}})
    row = command.told("joe@example.org", status=status)["milter-spam.ldap.recipients"]
    assert row["result"] == result and "No such object" in row["why"]


def test_nothing_configured(slapd: Slapd, world: Path) -> None:
    assert Command(world, {}).run("joe").returncode == 78
    command = Command(world, {"ldap": slapd.settings()})
    assert command.run("joe").returncode == 78 and "milter-spam.ldap.recipients.base" in command.run("joe").stderr
    assert command.run().returncode == 64


def test_terminal_is_safe(command: Command) -> None:
    assert "\x1b" not in command.run("\x1b[31mjoe@example.org").stdout


def test_check(slapd: Slapd, world: Path) -> None:
    """`gatepost check` tries the settings as far as no server is needed."""
    def check(**ldap: Any) -> subprocess.CompletedProcess[str]:
        config = Command(world, merged(settings(slapd, world, **ldap), {"rules": {"paths": [str(TOP / "rules")]}})).config
        return subprocess.run([build_folder() / "cli/gatepost", "-c", config, "check"], text=True, capture_output=True, timeout=60)

    shutil.rmtree(world / "keyfiles", ignore_errors=True)
    done = check()
    assert done.returncode == 0 and "directory: 1 servers, 4 queries" in done.stdout, done
    done = check(ca_file="/nowhere/ca.pem")
    assert done.returncode == 78 and "ca_file" in done.stderr
    done = check(password_file="/nowhere/password")
    assert done.returncode == 78 and "ldap.password_file: there is no /nowhere/password" in done.stderr


@pytest.mark.parametrize("words", ["(mail=%s)(uid=%u)", "((mail=%s))", "(mail=%s"])
def test_filter_that_is_none_is_found_by_check(world: Path, words: str) -> None:
    config = Command(world, {"ldap": {"servers": ["ldap://127.0.0.1"]}, "rules": {"paths": [str(TOP / "rules")]},
                             "policyd-ratelimit": {"ldap": {"limits": {"base": BASE, "filter": words}}}}).config
    done = subprocess.run([build_folder() / "cli/gatepost", "-c", config, "check"], text=True, capture_output=True, timeout=60)
    assert done.returncode == 78 and "policyd-ratelimit.ldap.limits.filter" in done.stderr and "the filter" in done.stderr, done


# The schema.

def names(text: str) -> set[str]:
    return set(re.findall(r"NAME '(\w+)'", text))


def test_schema_for_cn_config(world: Path) -> None:
    """gatepost.ldif in a configuration of the newer kind, an entry with every attribute in a database of it."""
    folder = world / "slapd.d"
    folder.mkdir()
    (world / "data").mkdir()
    schemas = "".join(f"include: file:///etc/ldap/schema/{name}.ldif\n\n" for name in ("core", "cosine", "inetorgperson"))
    config = (f"dn: cn=config\nobjectClass: olcGlobal\ncn: config\n\n"
              f"dn: cn=module{{0}},cn=config\nobjectClass: olcModuleList\ncn: module{{0}}\nolcModulePath: /usr/lib/ldap\n"
              f"olcModuleLoad: back_mdb\n\n"
              f"dn: cn=schema,cn=config\nobjectClass: olcSchemaConfig\ncn: schema\n\n{schemas}"
              f"include: file://{TOP}/lib/ldap/gatepost.ldif\n\n"
              f"dn: olcDatabase=mdb,cn=config\nobjectClass: olcDatabaseConfig\nobjectClass: olcMdbConfig\nolcDatabase: mdb\n"
              f"olcSuffix: {BASE}\nolcDbDirectory: {world}/data\n")
    subprocess.run(["/usr/sbin/slapadd", "-n", "0", "-F", folder], input=config, text=True, check=True, capture_output=True)
    attributes = sorted(names((TOP / "lib/ldap/gatepost.ldif").read_text()) - {"gatepostAccount"})
    entry = (f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\nobjectClass: gatepostAccount\no: x\ndc: example\n"
             + "".join(f"{name}: one\n{name}: two\n" for name in attributes))
    subprocess.run(["/usr/sbin/slapadd", "-n", "1", "-F", folder], input=entry, text=True, check=True, capture_output=True)
    kept = subprocess.run(["/usr/sbin/slapcat", "-n", "1", "-F", folder], text=True, check=True, capture_output=True).stdout
    assert all(f"{name}: two" in kept for name in attributes) and len(attributes) == 7


def test_schemas_are_the_same() -> None:
    old, new = (re.sub(r"#.*|\s+|olc|:", " ", (TOP / f"lib/ldap/gatepost.{kind}").read_text()) for kind in ("schema", "ldif"))
    assert names(old) == names(new)
    definitions = [sorted(re.findall(r"NAME .*? (?:SYNTAX [\d.]+|MAY \(.*?\))", re.sub(r"\s+", " ", text))) for text in (old, new)]
    assert definitions[0] == definitions[1] and len(definitions[0]) == 8


def test_defaults_are_in_the_schema() -> None:
    """What the programs ask for by default is in our schema, or in everybody's."""
    told = subprocess.run([build_folder() / "cli/gatepost", "--print-settings"], text=True, check=True, capture_output=True).stdout
    asked = set(re.findall(r"\bgatepost[A-Z]\w+", told))
    assert asked and asked <= names(GATEPOST.read_text())
