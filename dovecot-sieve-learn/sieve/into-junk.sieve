# IMAPSieve: a message came into the Junk folder by COPY or MOVE.
require ["imapsieve", "vnd.dovecot.imapsieve", "environment", "variables", "vnd.gatepost.learn"];

# What a user moves from one part of Junk to another, or fetches back from Trash, was judged before.
if environment :matches "vnd.dovecot.mailbox-from" ["Junk", "Junk/*"] {
	stop;
}
learn "spam";
