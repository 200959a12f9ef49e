#!/usr/bin/perl
# The reference: what SpamAssassin itself hits, with its stock rules and Debian's default plugins.
#
#	reference.pl STATE-FOLDER < list of "name TAB path"
#
# Prints one line a message: its name, then every rule that hit, sub-rules included, as NAME or NAME=COUNT (tflags
# multiple), separated by tabs. Local mode: no network, no Bayes, no files of a user, no time limit, no envelope.
use strict;
use warnings;
use Mail::SpamAssassin;

my $state = shift or die "usage: reference.pl STATE-FOLDER < list\n";
my $checker = Mail::SpamAssassin->new({
	rules_filename => '/usr/share/spamassassin',
	site_rules_filename => '/etc/spamassassin',
	userprefs_filename => "$state/none",
	userstate_dir => $state,
	home_dir_for_helpers => $state,
	local_tests_only => 1,
	dont_copy_prefs => 1,
	post_config_text => "use_bayes 0\ntime_limit 0\n",
});
$checker->init(1);
die "SpamAssassin finds $checker->{conf}->{errors} errors in the rules\n" if $checker->{conf}->{errors};

$| = 1;
while (my $line = <STDIN>) {
	chomp $line;
	my ($name, $path) = split(/\t/, $line, 2);
	open(my $file, '<:raw', $path) or die "$path: $!\n";
	my $message = $checker->parse(do { local $/; <$file> }, 1);
	my $status = $checker->check($message);
	my $hits = $status->{tests_already_hit};
	print join("\t", $name, map { $hits->{$_} == 1 ? $_ : "$_=$hits->{$_}" } grep { $hits->{$_} } sort keys %$hits), "\n";
	$status->finish;
	$message->finish;
}
