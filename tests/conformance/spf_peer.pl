#!/usr/bin/perl
# Answers SPF cases with Mail::SPF (Debian: libmail-spf-perl): a JSON object a line,
# {"zone": {NAME: {TYPE: [DATA, ...]}}, "ip": ..., "helo": ..., "mailfrom": ...} in, the result's word out.
use strict;
use warnings;
use JSON::PP;
use Mail::SPF;
use Net::DNS;

package Resolver {
	sub new { my ($class, $zone) = @_; return bless { zone => $zone, error => '' }, $class }
	sub errorstring { return $_[0]{error} }

	sub send {
		my ($self, $name, $type) = @_;
		my $packet = Net::DNS::Packet->new('question.example', $type);
		my $types = $self->{zone}{ lc($name) };
		my $found = $types ? $types->{$type} : undef;
		$self->{error} = '';
		if ($found && !ref $found) {
			$self->{error} = 'query timed out';
			return undef;
		}
		$packet->header->rcode('NXDOMAIN') unless $types;
		for my $data (@{ $found // [] }) {
			my %rr = (owner => 'question.example', type => $type);
			if ($type eq 'TXT') { $rr{txtdata} = [$data] }
			elsif ($type eq 'MX') { ($rr{preference}, $rr{exchange}) = split / /, $data }
			elsif ($type eq 'PTR') { $rr{ptrdname} = $data }
			else { $rr{address} = $data }
			$packet->push(answer => Net::DNS::RR->new(%rr));
		}
		return $packet;
	}
}

$| = 1;
while (my $line = <STDIN>) {
	my $case = decode_json($line);
	my $server = Mail::SPF::Server->new(dns_resolver => Resolver->new($case->{zone}), hostname => 'receiver.example');
	my $request = eval {
		Mail::SPF::Request->new(
			versions => [1], scope => 'mfrom', identity => $case->{mailfrom},
			ip_address => $case->{ip}, helo_identity => $case->{helo});
	};
	my $result = $request ? eval { $server->process($request)->code } : 'none';
	print $result // "died: " . ($@ =~ s/\n/ /gr), "\n";
}
