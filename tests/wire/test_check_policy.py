"""gatepost check --postfix: what policyd-ratelimit could not do where Postfix asks it is found before mail comes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from servers.milter import Value, build_folder
from servers.policyd import Policyd

MASTER = """\
smtp       inet n - y - - smtpd
submission inet n - y - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
"""
PICKUP = "pickup     unix n - y 60 1 pickup\n"
ASK = "check_policy_service unix:gatepost/ratelimit.sock"
RECIPIENTS: dict[str, Value] = {"count": "recipients", "by": ["sasl_username"], "windows": ["10 per 1h"]}
DISTINCT: dict[str, Value] = {**RECIPIENTS, "count": "distinct_recipients"}
BYTES: dict[str, Value] = {**RECIPIENTS, "count": "bytes", "windows": ["10M per 1h"]}
HEADER: dict[str, Value] = {**RECIPIENTS, "count": "messages", "action": "prepend", "text": "X-Limit: {used}"}
CLIENTS: dict[str, Value] = {**RECIPIENTS, "by": ["client_address"], "when": "unauthenticated"}


class Site:
    """A main.cf and a master.cf, Debian's chroot included, and what the command says of them."""

    def __init__(self, world: Path) -> None:
        self._world = world
        self._postfix, self._queue = world / "postfix", world / "queue"
        self._postfix.mkdir()
        (self._queue / "gatepost").mkdir(parents=True)
        (world / "rules.cf").write_text("body T_A /never/\ndescribe T_A x\nscore T_A 1\n")

    def check(self, settings: dict[str, Value], main: str = "", recipient: str = "", data: str = "", end: str = "",
              socket: Path | None = None, maillog: dict[str, Value] | None = None) -> tuple[int, str, str]:
        path = socket or self._queue / "gatepost" / "ratelimit.sock"
        policyd = Policyd(self._world / "policyd", path, settings={
            "rules": {"paths": [str(self._world / "rules.cf")]}, "policyd-ratelimit": settings,
            "controller": {"maillog": maillog or {}}})
        (self._postfix / "main.cf").write_text(f"compatibility_level = 3.6\nqueue_directory = {self._queue}\n{main}\n")
        self._config = policyd.config
        lists = {"recipient": recipient, "data": data, "end_of_data": end}
        (self._postfix / "master.cf").write_text(MASTER + "".join(
            f"  -o {{ smtpd_{name}_restrictions = {value} }}\n" for name, value in lists.items() if value) + PICKUP)
        return self.again()

    def again(self) -> tuple[int, str, str]:
        done = subprocess.run([build_folder() / "cli" / "gatepost", "-c", self._config, "check", "--postfix", self._postfix],
                              capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def site(world: Path) -> Site:
    return Site(world)


def limits(**rules: Value) -> dict[str, Value]:
    return {"limits": rules}


def test_all_is_well(site: Site) -> None:
    code, out, err = site.check(limits(rcpts=RECIPIENTS, who=DISTINCT, size=BYTES), recipient=f"{ASK},permit_sasl_authenticated,reject",
                                end=ASK)
    assert code == 0, err
    assert "submission/inet reaches policyd-ratelimit by smtpd_recipient_restrictions" in out
    assert "smtpd_end_of_data_restrictions" in out
    assert 'answers "451 4.3.5 Server configuration problem" where policyd-ratelimit is away: mail waits' in out


@pytest.mark.parametrize(("rule", "where", "said"), [
    (DISTINCT, {"data": ASK}, 'limit "x" counts nothing: what it counts is told in smtpd_recipient_restrictions'),
    (BYTES, {"recipient": ASK, "data": ASK}, 'limit "x" counts nothing: what it counts is told in smtpd_end_of_data_restrictions'),
    (HEADER, {"end": ASK}, 'limit "x" counts nothing: what it counts is told, and "prepend" is taken, in smtpd_data_restrictions or '
                           "smtpd_recipient_restrictions"),
    (RECIPIENTS, {"recipient": f"permit_sasl_authenticated,{ASK},reject"}, 'limit "x" is never asked about the mail'),
    (RECIPIENTS, {"main": f"smtpd_recipient_restrictions = {ASK}", "recipient": "permit"}, 'limit "x" is never asked about the mail'),
    (RECIPIENTS, {"main": f"smtpd_sasl_auth_enable = yes\nsmtpd_data_restrictions = {ASK}", "data": "permit"},
     'limit "x" is never asked in submission/inet'),
    (RECIPIENTS, {"main": f"smtpd_delay_reject = no\nsmtpd_client_restrictions = {ASK}\nsmtpd_sasl_auth_enable = yes"},
     'limit "x" counts nothing'),
    (CLIENTS, {"recipient": ASK, "main": f"smtpd_recipient_restrictions = permit_mynetworks, reject, {ASK}"}, None),
    (CLIENTS, {"main": f"smtpd_recipient_restrictions = permit_mynetworks, permit, {ASK}"}, "is never asked"),
    ({**CLIENTS, "context": ["mx"]}, {"main": f"smtpd_recipient_restrictions = {ASK}"}, "with the policy_context that it names"),
    ({**CLIENTS, "context": ["mx"]},
     {"main": f"smtpd_recipient_restrictions = {ASK}\nsmtpd_policy_service_policy_context = mx"}, None),
    ({**CLIENTS, "context": ["mx"]},
     {"main": "smtpd_recipient_restrictions = check_policy_service { unix:gatepost/ratelimit.sock, policy_context=mx }"}, None),
    ({**CLIENTS, "context": ["mx"]},
     {"main": "smtpd_recipient_restrictions = check_policy_service { unix:gatepost/ratelimit.sock,\n"
              "  timeout=10s, default_action=DUNNO\n  policy_context=mx }, reject"}, None),
    ({**CLIENTS, "context": ["mx"]},
     {"main": "smtpd_recipient_restrictions = check_policy_service { unix:gatepost/ratelimit.sock { default_action = 451 4.3.5 Away },"
              " { policy_context = mx } } reject"}, None),
])
def test_a_limit_that_would_count_nothing(site: Site, rule: dict[str, Value], where: dict[str, str], said: str | None) -> None:
    code, out, err = site.check(limits(x=rule), **where)
    assert (code, said) == (0, None) if said is None else code != 0 and said in err, (out, err)


@pytest.mark.parametrize("main", [
    f"smtpd_recipient_restrictions = permit_mynetworks {ASK}",
    "smtpd_restriction_classes = inner, ours\nours = inner\ninner =\n\t" + ASK + "\nsmtpd_sender_restrictions = ours",
    "smtpd_client_restrictions = check_policy_service { unix:gatepost/ratelimit.sock, timeout=5s, default_action=DUNNO }, permit",
    "policy = " + ASK + "\nsmtpd_helo_restrictions = $policy",
    "smtpd_client_restrictions = check_policy_service { unix:gatepost/ratelimit.sock,\n\ttimeout=5s default_action=DUNNO\n\ttry_limit=1 }",
    "smtpd_client_restrictions = check_policy_service { unix:gatepost/ratelimit.sock, { default_action = 450 4.3.5 We are away } } permit",
])
def test_ways_to_write_it(site: Site, main: str) -> None:
    code, out, err = site.check(limits(x=CLIENTS), main=main)
    assert code == 0, (out, err)
    if "DUNNO" in main:
        assert 'answers "DUNNO" where policyd-ratelimit is away\n' in out
    if "{ default_action" in main:
        assert 'answers "450 4.3.5 We are away" where policyd-ratelimit is away: mail waits' in out


@pytest.mark.parametrize("main", [
    "is_mx = yes\nsmtpd_recipient_restrictions = ${is_mx?{permit_mynetworks, $ours, reject}:{permit}}\nours = " + ASK,
    "smtpd_recipient_restrictions = ${{$compatibility_level} >=level {3.6} ? {" + ASK + "} : {}}",
    "smtpd_client_restrictions = $(nope:" + ASK + ")",
])
def test_conditions(site: Site, main: str) -> None:
    code, out, err = site.check(limits(x=CLIENTS), main=main)
    assert code == 0, (out, err)


def test_a_condition_that_is_false(site: Site) -> None:
    code, _, err = site.check(limits(x=CLIENTS), main="smtpd_recipient_restrictions = ${nope?{" + ASK + "}:{permit}}")
    assert code != 0 and "nothing of what is configured for it happens" in err


def test_a_value_that_ends_postfix(site: Site) -> None:
    code, _, err = site.check(limits(x=CLIENTS), main=f"smtpd_client_restrictions = {ASK}\nsmtpd_helo_restrictions = $" + "{ours")
    assert code != 0 and 'main.cf: smtpd_helo_restrictions: what "$" begins is not closed' in err and "Postfix's programs end" in err


@pytest.mark.parametrize(("override", "is_there"), [
    ("-o smtpd_data_restrictions=${{$syslog_name}=={postfix/submission}?{check_policy_service unix:gatepost/ratelimit.sock}:{}}", True),
    ("-o ours=permit", False),
    ("-o { ours = " + ASK + " }", True),
    ("-o { smtpd_client_restrictions = check_policy_service { unix:gatepost/ratelimit.sock, default_action=DUNNO }, permit }", True),
])
def test_overrides(site: Site, world: Path, override: str, is_there: bool) -> None:
    """main.cf's value has a name that the service overrides."""
    site.check({}, main=f"ours = permit\nsmtpd_helo_restrictions = $ours\nsmtpd_client_restrictions = {ASK}", recipient="x")
    master = world / "postfix" / "master.cf"
    master.write_text(master.read_text().replace("  -o { smtpd_recipient_restrictions = x }", "  -o smtpd_client_restrictions=\n  " + override))
    code, out, _ = site.again()
    assert code == 0 and ("submission/inet reaches policyd-ratelimit" in out) == is_there, out


@pytest.mark.parametrize(("table", "text", "said"), [
    ("cidr:FILE", "10.0.0.0/8 OK\n!192.0.2.0/24 " + ASK + "\n", None),
    ("hash:FILE", "example.org reject_unlisted_recipient, ours\nexample.com ours\n", None),
    ("texthash:FILE", "example.org\n  " + ASK + "\n", None),
    ("pcre:FILE", "if /x/\n/^a b$/i ours\nendif\n", None),
    ("proxy:lmdb:FILE", "example.org ours\n", None),
    ("inline:{ example.org=ours }", "", None),
    ("static:{ " + ASK + " }", "", None),
    ("hash:FILE", "example.org OK\nexample.com REJECT ours\nexample.net 450 ours\n", "has check_policy_service with its socket"),
    ("hash:/nonexistent/x", "", '"hash:/nonexistent/x" is not followed (/nonexistent/x: No such file'),
    ("mysql:/etc/postfix/x.cf", "", '"mysql:/etc/postfix/x.cf" is not followed (tables of type mysql are not read)'),
    ("proxy:ldap:/x", "", '"proxy:ldap:/x" is not followed (tables of type ldap are not read)'),
])
@pytest.mark.parametrize("check", ["check_client_access ", "check_sender_access ", ""])
def test_access_tables(site: Site, world: Path, table: str, text: str, said: str | None, check: str) -> None:
    (world / "access").write_text(text)
    table = table.replace("FILE", str(world / "access"))
    code, out, err = site.check(limits(x=CLIENTS), main="smtpd_restriction_classes = ours\nours = sleep 1, " + ASK +
                                f"\nsmtpd_recipient_restrictions = permit_mynetworks {check}{table} reject")
    if said is None:
        assert code == 0, (out, err)
        assert out.count(f"smtp/inet reaches policyd-ratelimit by smtpd_recipient_restrictions, for whom {table} says so") == 1
    else:
        assert code != 0 and said in out + err, (out, err)


def test_a_copy_of_a_configuration(site: Site, world: Path) -> None:
    """Its tables are those of the copy."""
    (world / "postfix" / "access-of-copy").write_text(f"example.org {ASK}\n")
    main = "smtpd_client_restrictions = check_client_access $default_database_type:/etc/postfix/access-of-copy"
    assert site.check(limits(x=CLIENTS), main=main)[0] == 0
    assert site.check(limits(x=CLIENTS), main="smtpd_client_restrictions = check_client_access hash:$config_directory/access-of-copy")[0] == 0


def test_a_table_for_accounts_alone(site: Site) -> None:
    main = f"smtpd_client_restrictions = check_sasl_access static:{{ {ASK} }}"
    code, _, err = site.check(limits(x=CLIENTS), main=main)
    assert code != 0 and 'limit "x" is never asked' in err
    assert site.check(limits(x=RECIPIENTS), main=main)[0] == 0


def test_a_class_that_contains_itself(site: Site) -> None:
    code, out, err = site.check(limits(x=CLIENTS), main=f"smtpd_restriction_classes = a, b\na = {ASK}, b\nb = a, b, a\n"
                                "smtpd_client_restrictions = a, b")
    assert code == 0, (out, err)
    assert out.count("smtp/inet reaches policyd-ratelimit") == 1
    assert out.count('"a" is not followed (the class contains itself') == 1


def test_a_socket_that_the_chroot_hides(site: Site, world: Path) -> None:
    code, _, err = site.check(limits(x=CLIENTS), main=f"smtpd_recipient_restrictions = {ASK}", socket=world / "run" / "ratelimit.sock")
    assert code != 0 and "but policyd-ratelimit listens on" in err


def test_nobody_asks(site: Site) -> None:
    assert "nothing of what is configured for it happens" in site.check(limits(x=CLIENTS))[2]
    assert "nothing of what is configured for it happens" not in site.check({})[2]


def test_the_default_limit_is_no_problem(site: Site) -> None:
    code, out, err = site.check({"greylist": {"enabled": True}}, main=f"smtpd_recipient_restrictions = {ASK}", recipient="permit")
    assert code == 0, err
    assert 'limit "account", which is there by default, is never asked' in out


def test_senders(site: Site) -> None:
    settings: dict[str, Value] = {"sender": {"check": True}, "limits": {}}
    assert site.check(settings, recipient=ASK)[0] == 0
    assert "sender.check is on, but no service asks" in site.check(settings, main=f"smtpd_recipient_restrictions = {ASK}",
                                                                               recipient="permit")[2]
    twice = site.check(settings, recipient=f"{ASK},reject_sender_login_mismatch", main="smtpd_sender_login_maps = hash:/x")
    assert twice[0] == 0 and "what either refuses is refused" in twice[1]
    empty = site.check(settings, recipient=f"{ASK},reject_authenticated_sender_login_mismatch")
    assert empty[0] != 0 and "without smtpd_sender_login_maps refuses every sender" in empty[2]


def test_greylisting_on_submission(site: Site) -> None:
    settings: dict[str, Value] = {"greylist": {"enabled": True}, "limits": {}}
    assert site.check(settings, main=f"smtpd_recipient_restrictions = {ASK}")[0] == 0
    code, _, err = site.check(settings, recipient=f"{ASK},reject")
    assert code != 0 and "greylist.enabled is on, but no service that takes mail from strangers" in err


BOUNCES: dict[str, Value] = {**RECIPIENTS, "count": "bounces"}
FAILURES: dict[str, Value] = {**RECIPIENTS, "count": "auth_failures", "by": ["client_address"]}
LOG = "/var/log/mail.log"


@pytest.mark.parametrize(("rule", "maillog", "main", "said"), [
    (BOUNCES, {"source": LOG}, "", None),
    (BOUNCES, {"source": LOG}, f"maillog_file = {LOG}", None),
    (BOUNCES, {"source": "journal:/x"}, f"maillog_file = {LOG}", f"Postfix logs into {LOG} (maillog_file), and"),
    (FAILURES, {"source": LOG, "names": ["mx/*", "postfix/*"]}, "syslog_name = mx", None),
    (RECIPIENTS, {"socket": "unix:/other"}, "maillog_file = /other", None),
    (BOUNCES, {}, "", 'limit "x" counts nothing: controller.maillog.source is empty, so nobody looks for bounces'),
    (FAILURES, {}, "", "nobody looks for failed logins"),
    (BOUNCES, {"source": LOG, "socket": "unix:/other"}, "", "controller.maillog.socket is unix:/other, and"),
    (BOUNCES, {"source": LOG}, "maillog_file = /other", "Postfix logs into /other (maillog_file)"),
    (BOUNCES, {"source": LOG}, "syslog_name = mx", "lines of mx/qmgr are not believed"),
    (BOUNCES, {"source": LOG, "names": ["postfix/smtpd", "postfix/qmgr"]}, "", "lines of postfix/submission/smtpd are not believed"),
])
def test_who_tells_of_events(site: Site, world: Path, rule: dict[str, Value], maillog: dict[str, Value], main: str,
                             said: str | None) -> None:
    meets: dict[str, Value] = {"socket": f"unix:{world}/policyd/control.sock", **maillog}
    code, out, err = site.check(limits(x=rule), recipient=ASK, main=f"smtpd_recipient_restrictions = {ASK}\n{main}", maillog=meets)
    assert (code, said) == (0, None) if said is None else code != 0 and said in err, (out, err)
