#!/usr/bin/perl
# The reference: SpamAssassin's own engine on a folder of rules.
#
#	spamassassin.pl [--apart] RULES-FOLDER [PLUGIN...] < list of files
#
# Prints for each file its name and the scored rules that hit, one line, separated by tabs. Of
# SpamAssassin's plugins those that rules of patterns and metas need are loaded, and those named: no network, no Bayes.
# With --apart each file is checked by a process of its own: what named groups have captured in one message is still there
# for the next one in SpamAssassin 4.0.1.
use strict;
use warnings;
use Mail::SpamAssassin;

my $apart = @ARGV && $ARGV[0] eq '--apart' && shift;
my $folder = shift or die "usage: spamassassin.pl [--apart] RULES-FOLDER [PLUGIN...] < list of files\n";
my @plugins = (qw(Check MIMEHeader ReplaceTags), @ARGV);
my $checker = Mail::SpamAssassin->new({
	rules_filename => $folder,
	site_rules_filename => "$folder/none",
	userprefs_filename => "$folder/none",
	userstate_dir => "$folder/state",
	local_tests_only => 1,
	dont_copy_prefs => 1,
	pre_config_text => join('', map { "loadplugin Mail::SpamAssassin::Plugin::$_\n" } @plugins),
	post_config_text => "normalize_charset 1\nuse_bayes 0\n",
});
$checker->init(1);
die "SpamAssassin finds $checker->{conf}->{errors} errors in the rules\n" if $checker->{conf}->{errors};

sub check {
	my ($path) = @_;
	open(my $file, '<', $path) or die "$path: $!\n";
	my $message = $checker->parse(do { local $/; <$file> }, 1);
	my $status = $checker->check($message);
	print join("\t", $path, sort keys %{$status->get_names_of_tests_hit_with_scores_hash()}), "\n";
	$status->finish;
	$message->finish;
}

$| = 1;
chomp(my @paths = <STDIN>);
for my $path (@paths) {
	if (!$apart) {
		check($path);
	} elsif (my $child = fork) {
		waitpid($child, 0);
		die "$path: the checker failed\n" if $?;
	} else {
		check($path);
		exit 0;
	}
}
