# For users: what spamtest and virustest (RFC 5235) say with the configuration of dovecot-sieve-learn(7).
require ["spamtestplus", "virustest", "fileinto", "relational", "comparator-i;ascii-numeric"];

if virustest :value "ge" :comparator "i;ascii-numeric" "4" {
	fileinto "Junk";
} elsif spamtest :percent :value "ge" :comparator "i;ascii-numeric" "100" {
	fileinto "Junk";
}
