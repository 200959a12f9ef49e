#!/usr/bin/perl
# The reference for rules that ask the DNS: SpamAssassin with its stock rules and a name server of ours.
#
#	spamassassin_dns.pl STATE-FOLDER PORT < list of files
#
# Prints for each file its name and the scored rules that hit, one line, separated by tabs. Other network tests, Bayes
# and a user's files are off.
use strict;
use warnings;
use Mail::SpamAssassin;

my ($state, $port) = @ARGV;
die "usage: spamassassin_dns.pl STATE-FOLDER PORT < list of files\n" if !$port;
my $checker = Mail::SpamAssassin->new({
	rules_filename => '/usr/share/spamassassin',
	site_rules_filename => '/etc/spamassassin',
	userprefs_filename => "$state/none",
	userstate_dir => $state,
	home_dir_for_helpers => $state,
	dont_copy_prefs => 1,
	post_config_text => "dns_available yes\ndns_server [127.0.0.1]:$port\nuse_bayes 0\nuse_razor2 0\nuse_pyzor 0\n"
		. "rbl_timeout 60 60\ntime_limit 0\n",
});
$checker->init(1);
die "SpamAssassin finds $checker->{conf}->{errors} errors in the rules\n" if $checker->{conf}->{errors};

while (my $path = <STDIN>) {
	chomp $path;
	open(my $file, '<:raw', $path) or die "$path: $!\n";
	my $message = $checker->parse(do { local $/; <$file> }, 1);
	my $status = $checker->check($message);
	print join("\t", $path, sort keys %{$status->get_names_of_tests_hit_with_scores_hash()}), "\n";
	$status->finish;
	$message->finish;
}
