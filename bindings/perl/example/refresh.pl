# Refreshes the cards that are given; the account is in the environment.
use strict;
use warnings;

use Eiot;

binmode STDOUT, ':encoding(UTF-8)';
binmode STDERR, ':encoding(UTF-8)';
my $failures = 0;

my $client = Eiot->from_env(timeout => 10);
for my $eid (@ARGV) {
    if (my $reply = eval { $client->refresh_usage($eid) }) {
        print $eid, ': ', $reply->message, "\n";
    } else {
        warn $@->message, ' (', $@->kind, ', code ', $@->code // 'none', ', delivered ', $@->delivered, ")\n";
        $failures++;
    }
}
exit($failures ? 1 : 0);
