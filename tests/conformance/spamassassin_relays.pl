#!/usr/bin/perl
# What SpamAssassin makes of the Received lines of every message on standard input ("name TAB path" a line):
# name, X-Spam-Relays-Trusted, -Untrusted, -Internal, -External and the number of unreadable lines, by tabs.
#
#	spamassassin_relays.pl STATE-FOLDER [CONFIGURATION TEXT]
use strict;
use warnings;
use Mail::SpamAssassin;
use Mail::SpamAssassin::PerMsgStatus;

my ($state, $config) = @ARGV;
my $checker = Mail::SpamAssassin->new({
	config_text => ($config // '') . "\n",
	userstate_dir => $state,
	home_dir_for_helpers => $state,
	local_tests_only => 1,
	dont_copy_prefs => 1,
});
$checker->init(0);

$| = 1;
while (my $line = <STDIN>) {
	chomp $line;
	my ($name, $path) = split(/\t/, $line, 2);
	open(my $file, '<:raw', $path) or die "$path: $!\n";
	my $message = $checker->parse(do { local $/; <$file> }, 1);
	my $status = Mail::SpamAssassin::PerMsgStatus->new($checker, $message);
	$message->extract_message_metadata($status);
	my $metadata = $message->{metadata};
	print join("\t", $name, (map { $metadata->{"relays_${_}_str"} } qw(trusted untrusted internal external)),
		$metadata->{num_relays_unparseable}), "\n";
	$status->finish;
	$message->finish;
}
