# Drives the Perl wrapper for tests/test_bindings.py, which says what the arguments are.
use strict;
use warnings;
use utf8;

use Encode ();
use Eiot;
use JSON::PP ();

binmode STDOUT, ':raw';
$| = 1;
my $JSON = JSON::PP->new->canonical->utf8;
my @arguments = map { Encode::decode('UTF-8', $_, Encode::FB_DEFAULT) } @ARGV;

sub say_object { my (%fields) = @_; print $JSON->encode(\%fields), "\n"; return }

sub say_reply {
    my ($reply, @more) = @_;
    return say_object(
        @more, ok => JSON::PP::true, status => 0, eid => $reply->eid, code => $reply->code, message => $reply->message,
        data_json => $reply->data_json, attempts => 0 + $reply->attempts,
    );
}

sub say_error {
    my ($error, @more) = @_;
    die $error unless ref $error && $error->isa('Eiot::Error');
    my %number = (no => 0, yes => 1, unknown => 2);
    return say_object(
        @more, retryable => $error->is_retryable ? JSON::PP::true : JSON::PP::false,
        ok => JSON::PP::false, status => 0 + $error->status, kind => $error->kind, message => "$error", eid => $error->eid,
        code => $error->code, platform_message => $error->platform_message, http_status => 0 + $error->http_status,
        attempts => 0 + $error->attempts, delivered => $number{$error->delivered},
        body => defined $error->body ? Encode::decode('UTF-8', $error->body) : undef, headers => $error->headers,
        final => $error->is_final ? JSON::PP::true : JSON::PP::false,
        retry_after_ms => defined $error->retry_after ? int($error->retry_after * 1000) : -1,
    );
}

sub say_result {
    my ($result) = @_;
    my @more = (
        index => 0 + $result->index, input => $result->input, duplicate => $result->is_duplicate ? JSON::PP::true : JSON::PP::false,
    );
    return defined $result->reply ? say_reply($result->reply, @more) : say_error($result->error, @more);
}

# Says what comes of it, or why nothing does.
sub outcome { my ($make) = @_; my $reply = eval { $make->() }; return $@ ? say_error($@) : say_reply($reply) }

# "hex:8904ff" stands for these bytes. As text they are themselves or, where they are no UTF-8, no text at all.
sub eid { my ($word) = @_; return $word =~ /^hex:(.*)/ ? Encode::decode('UTF-8', pack('H*', $1), sub { chr shift }) : $word }

my $verb = @arguments && $arguments[0] =~ /^(?:batch|call|derived|stats|verify|sign|statuses|options|closed|shown)$/ ? shift @arguments : 'refresh';
my %options;
while (@arguments && $arguments[0] ne '--') {
    my ($name, $value) = split /=/, shift @arguments, 2;
    $options{$name} = $value;
}
shift @arguments;

my $client = eval { %options ? Eiot->new(%options) : $verb eq 'refresh' ? Eiot->from_env : undef };
if ($@) { say_error($@); exit 0 }

if ($verb eq 'refresh') {
    outcome(sub { $client->refresh_usage(eid($_)) }) for @arguments;
} elsif ($verb eq 'batch') {
    my $next = $client->refresh_many(\@arguments, 8);
    while (my $result = $next->()) { say_result($result) }
} elsif ($verb eq 'derived') {
    my ($name, $value, @eids) = @arguments;
    my $derived = eval { $client->with_options($name => $value) } or do { say_error($@); exit 0 };
    outcome(sub { $derived->refresh_usage($_) }) for @eids;
    outcome(sub { $client->refresh_usage($_) }) for @eids;
} elsif ($verb eq 'stats') {
    outcome(sub { $client->refresh_usage($_) }) for @arguments;
    say_object(stats => $client->stats);
} elsif ($verb eq 'call') {
    my ($path, $parameters, $idempotent) = @arguments;
    outcome(sub { $client->call($path, $parameters, idempotent => defined $idempotent) });
} elsif ($verb eq 'verify') {
    my ($payload, $secret, $method, $max_age_ms) = @arguments;
    my $bytes = Encode::encode('UTF-8', $payload);
    eval { Eiot::verify_webhook($bytes, $secret, method => $method, max_age => $max_age_ms / 1000); 1 }
        ? say_object(ok => JSON::PP::true, status => 0)
        : say_error($@);
} elsif ($verb eq 'sign') {
    my ($secret, $method, @parameters) = @arguments;
    my $sign = eval { Eiot::sign({map { split /=/, $_, 2 } @parameters}, $secret, $method) };
    $@ ? say_error($@) : say_object(sign => $sign);
} elsif ($verb eq 'statuses') {
    # The wrapper has no table of its own: it asks the library.
    for my $status (0 .. 200) {
        my $kind = Eiot::kind($status);
        say_object(status => $status, kind => $kind) unless $kind eq 'unknown';
    }
} elsif ($verb eq 'options') {
    say_object(options => 'any');
} elsif ($verb eq 'shown') {
    require Data::Dumper;
    say_object(shown => Data::Dumper::Dumper($client) . "$client");
} elsif ($verb eq 'closed') {
    $client->close;
    $client->close;
    outcome(sub { $client->refresh_usage('1') });
}
