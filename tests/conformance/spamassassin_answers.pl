#!/usr/bin/perl
# The reference for rules of ours that ask the DNS: SpamAssassin with a name server of ours.
#
#	spamassassin_answers.pl RULES-FOLDER PORT [PLUGIN...] < list of files
#
# Prints one JSON line a file: {"file": ..., "hits": [...], "message": the head of the rewritten message}. Rules of a priority above 0
# wait for the DNS, which SpamAssassin by itself does not.
use strict;
use warnings;
use JSON::PP;
use Mail::SpamAssassin;

package Patience {
	our @ISA = qw(Mail::SpamAssassin::Plugin);
	$INC{'Patience.pm'} = __FILE__;

	our $waits; # who waits ticks too

	sub check_tick {
		return if $waits;
		local $waits = 1;
		$_[1]->{permsgstatus}->harvest_dnsbl_queries;
	}
}

my ($folder, $port, @plugins) = @ARGV;
die "usage: spamassassin_answers.pl RULES-FOLDER PORT [PLUGIN...] < list of files\n" if !$port;
my $checker = Mail::SpamAssassin->new({
	rules_filename => $folder,
	site_rules_filename => "$folder/none",
	userprefs_filename => "$folder/none",
	userstate_dir => "$folder/state",
	dont_copy_prefs => 1,
	pre_config_text => "loadplugin Patience\n" . join('', map { "loadplugin Mail::SpamAssassin::Plugin::$_\n" } 'Check', @plugins),
	post_config_text => "dns_available yes\ndns_server [127.0.0.1]:$port\nuse_bayes 0\n",
});
$checker->init(1);
die "SpamAssassin finds $checker->{conf}->{errors} errors in the rules\n" if $checker->{conf}->{errors};

while (defined(my $path = <STDIN>)) {
	chomp $path;
	open(my $file, '<', $path) or die "$path: $!\n";
	my $message = $checker->parse(do { local $/; <$file> }, 1);
	my $status = $checker->check($message);
	my ($head) = split(/\n\n/, $status->rewrite_mail, 2);
	print JSON::PP->new->latin1->canonical->encode({file => $path, message => $head,
		hits => [sort keys %{$status->get_names_of_tests_hit_with_scores_hash()}]}), "\n";
	$status->finish;
	$message->finish;
}
