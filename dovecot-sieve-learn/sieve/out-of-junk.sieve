# IMAPSieve: a message left the Junk folder by COPY or MOVE.  Thrown away is not the same as wanted.
require ["imapsieve", "vnd.dovecot.imapsieve", "environment", "variables", "vnd.gatepost.learn"];

if environment :matches "vnd.dovecot.mailbox-to" ["Trash", "Trash/*", "Junk", "Junk/*"] {
	stop;
}
learn "ham";
