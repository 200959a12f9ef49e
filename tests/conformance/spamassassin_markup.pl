#!/usr/bin/perl
# The reference for headers: what SpamAssassin's rewrite_mail makes of messages.
#
#	spamassassin_markup.pl RULES-FOLDER < list of files
#
# Prints one JSON line a file: {"file": ..., "is_spam": ..., "message": the head of the rewritten message}. The version and the
# host are fixed, for they differ anyway.
use strict;
use warnings;
use JSON::PP;
use Mail::SpamAssassin;

my $folder = shift or die "usage: spamassassin_markup.pl RULES-FOLDER < list of files\n";
my $checker = Mail::SpamAssassin->new({
	rules_filename => $folder,
	site_rules_filename => "$folder/none",
	userprefs_filename => "$folder/none",
	userstate_dir => "$folder/state",
	local_tests_only => 1,
	dont_copy_prefs => 1,
	pre_config_text => join('', map { "loadplugin Mail::SpamAssassin::Plugin::$_\n" } qw(Check)),
	post_config_text => "use_bayes 0\n",
});
{
	no warnings 'redefine';
	*Mail::SpamAssassin::Version = sub { 'VERSION' };
	$Mail::SpamAssassin::PerMsgStatus::common_tags{VERSION} = sub { 'VERSION' };
}
$checker->init(1);
die "SpamAssassin finds $checker->{conf}->{errors} errors in the rules\n" if $checker->{conf}->{errors};

while (defined(my $path = <STDIN>)) {
	chomp $path;
	open(my $file, '<', $path) or die "$path: $!\n";
	my $message = $checker->parse(do { local $/; <$file> }, 1);
	my $status = $checker->check($message);
	my ($head) = split(/\n\n/, $status->rewrite_mail, 2);
	print JSON::PP->new->latin1->canonical->encode({file => $path, is_spam => $status->is_spam ? 1 : 0, message => $head}), "\n";
	$status->finish;
	$message->finish;
}
