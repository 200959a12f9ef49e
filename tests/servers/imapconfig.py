"""Configuration of servers.imap for each version of Dovecot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .imap import Setup

CONFIG_23 = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
mail_plugin_dir = {folder}/modules
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = {location}
first_valid_uid = 1
mail_uid = mail
mail_gid = mail
auth_mechanisms = plain login
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/home/%n allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener {folder}/lmtp.sock {{
    mode = 0600
  }}
}}
service imap {{
  process_limit = 200
  unix_listener imap-master {{
    user = dovecot
  }}
}}
service imap-hibernate {{
  unix_listener imap-hibernate {{
    mode = 0660
    group = mail
  }}
}}
service anvil {{
  client_limit = 2000
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    {junk}
    auto = subscribe
  }}
  mailbox Trash {{
    {trash}
    auto = subscribe
  }}
}}
mail_plugins = {mail_plugins}
protocol lmtp {{
  mail_plugins = $mail_plugins sieve
}}
protocol imap {{
  mail_plugins = $mail_plugins {imap_plugins}
  mail_max_userip_connections = 1000
  {hibernate}
}}
plugin {{
  sieve = file:{folder}/home/%n/sieve;active={folder}/home/%n/.dovecot.sieve
{settings}
{imapsieve}
}}
{extra}
"""

CONFIG_24 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
mail_plugin_dir = {folder}/modules
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
auth_allow_cleartext = yes
mail_driver = {driver}
mail_path = {path}
first_valid_uid = 1
mail_uid = mail
mail_gid = mail
auth_mechanisms = plain login
passdb static {{
  password = {password}
}}
userdb static {{
  fields {{
    uid = mail
    gid = mail
    home = {folder}/home/%{{user | username}}
  }}
  static_allow_all_users = yes
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener {folder}/lmtp.sock {{
    mode = 0600
  }}
}}
service imap {{
  process_limit = 200
  unix_listener imap-master {{
    user = dovecot
  }}
}}
service imap-hibernate {{
  unix_listener imap-hibernate {{
    mode = 0660
    group = mail
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    {junk}
    auto = subscribe
  }}
  mailbox Trash {{
    {trash}
    auto = subscribe
  }}
}}
mail_plugins {{
{mail_plugins}
}}
protocol lmtp {{
  mail_plugins {{
    sieve = yes
  }}
}}
protocol imap {{
  mail_max_userip_connections = 1000
  mail_plugins {{
{imap_plugins}
  }}
  {hibernate}
}}
sieve_script personal {{
  driver = file
  path = {folder}/home/%{{user | username}}/sieve
  active_path = {folder}/home/%{{user | username}}/.dovecot.sieve
}}
{settings}
{imapsieve}
{extra}
"""


def common(folder: Path, port: int, password: str, setup: Setup) -> dict[str, object]:
    return {
        "folder": folder, "port": port, "password": password, "extra": setup.extra, "imapsieve": setup.imapsieve,
        "junk": "special_use = \\Junk" if setup.special_use else "",
        "trash": "special_use = \\Trash" if setup.special_use else "",
        "hibernate": "imap_hibernate_timeout = 1s" if setup.hibernate else "",
    }


def settings(folder: Path, setup: Setup) -> dict[str, str]:
    return {"socket": str(folder / "learn.sock"), **setup.settings} if setup.plugin else {}


def plugin_names(setup: Setup) -> list[str]:
    return [*setup.plugins, *(setup.names if setup.plugin and setup.mail_plugin else [])]


def config_23(folder: Path, port: int, password: str, setup: Setup) -> str:
    location = {"maildir": "maildir:~/Maildir", "mdbox": "mdbox:~/mdbox", "sdbox": "sdbox:~/sdbox"}[setup.mail]
    return CONFIG_23.format(
        **common(folder, port, password, setup), location=location,
        mail_plugins=" ".join(plugin_names(setup)),
        imap_plugins="imap_sieve" if setup.imapsieve else "",
        settings="\n".join(f"  gatepost_learn_{k} = {v}" for k, v in settings(folder, setup).items()))


def config_24(folder: Path, port: int, password: str, setup: Setup) -> str:
    return CONFIG_24.format(
        **common(folder, port, password, setup), driver=setup.mail,
        path={"maildir": "~/Maildir", "mdbox": "~/mdbox", "sdbox": "~/sdbox"}[setup.mail],
        mail_plugins="\n".join(f"  {name} = yes" for name in plugin_names(setup)),
        imap_plugins="    imap_sieve = yes" if setup.imapsieve else "",
        settings="\n".join(f'gatepost_learn_{k} = "{v}"' for k, v in settings(folder, setup).items()))
