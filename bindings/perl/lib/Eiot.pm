package Eiot;

use strict;
use warnings;
use utf8;
use v5.26;

use Carp ();
use Encode ();
use FFI::Platypus 1.00;
use FFI::Platypus::Buffer ();
use FFI::Platypus::DL ();
use JSON::PP ();
use POSIX ();
use Scalar::Util ();

our $VERSION = '0.1.0';

=encoding utf8

=head1 NAME

Eiot - refresh the package usage of EIOTCLUB cloud eSIM cards

=head1 SYNOPSIS

    my $client = Eiot->new(appkey => 'my-appkey', secret => 'my-secret', timeout => 10);
    my $reply = eval { $client->refresh_usage('89044011112233441122334411223321') };
    if (my $error = $@) { print $error->message, "\n" } else { print $reply->message, "\n" }

=head1 DESCRIPTION

A thin wrapper around libeiot. Text is Perl text in both directions, never bytes. Calls block the process for at most C<timeout>
seconds. A forked child may continue to use its parent's client. Every failure dies with an L</Eiot::Error>.

=cut

my %libraries = (MSWin32 => 'eiot.dll', darwin => 'libeiot.0.1.dylib');
my $library = $ENV{EIOT_LIBRARY} // $libraries{$^O} // 'libeiot.so.0.1';
# Platypus would say only that it cannot find the first function.
FFI::Platypus::DL::dlopen($library, FFI::Platypus::DL::RTLD_PLATYPUS_DEFAULT())
    or die "cannot load $library: install libeiot and run ldconfig, set LD_LIBRARY_PATH to its directory, or set EIOT_LIBRARY to its path ("
    . FFI::Platypus::DL::dlerror() . ")\n";
my $ffi = FFI::Platypus->new(api => 1, lib => [$library]);

# What takes and gives what; a status always comes back, details through the last pointer.
my %function;
for my $line (split /\n/, <<'END') {
eiot_version ()string
eiot_status_kind (sint32)string
eiot_error_status (opaque)sint32
eiot_error_message (opaque)string
eiot_error_eid (opaque)string
eiot_error_platform_code (opaque)string
eiot_error_platform_message (opaque)string
eiot_error_http_status (opaque)sint32
eiot_error_attempts (opaque)uint32
eiot_error_retry_after_ms (opaque)sint64
eiot_error_delivered (opaque)sint32
eiot_error_is_final (opaque)sint32
eiot_error_is_retryable (opaque)sint32
eiot_error_body (opaque,size_t*)opaque
eiot_error_header (opaque,string)string
eiot_error_header_name (opaque,size_t)string
eiot_error_free (opaque)void
eiot_reply_eid (opaque)string
eiot_reply_code (opaque)string
eiot_reply_message (opaque)string
eiot_reply_data_json (opaque)string
eiot_reply_attempts (opaque)uint32
eiot_reply_free (opaque)void
eiot_config_new (opaque*,opaque*)sint32
eiot_config_from_env (opaque*,opaque*)sint32
eiot_config_set_option (opaque,string,size_t,string,size_t,opaque*)sint32
eiot_config_free (opaque)void
eiot_config_from_client (opaque,opaque*,opaque*)sint32
eiot_client_new (opaque,opaque*,opaque*)sint32
eiot_client_with_options (opaque,opaque,opaque*,opaque*)sint32
eiot_client_stats_json (opaque,opaque,size_t)size_t
eiot_client_refresh_usage_with_cancel (opaque,string,size_t,opaque,opaque*,opaque*)sint32
eiot_client_call (opaque,string,size_t,string,size_t,sint32,opaque,opaque*,opaque*)sint32
eiot_client_free (opaque)void
eiot_batch_new (opaque,uint32,opaque,opaque*,opaque*)sint32
eiot_batch_has_room (opaque)sint32
eiot_batch_push (opaque,string,size_t,uint64,opaque*)sint32
eiot_batch_next (opaque,sint64,opaque*,opaque*)sint32
eiot_batch_free (opaque)void
eiot_result_tag (opaque)uint64
eiot_result_status (opaque)sint32
eiot_result_input (opaque)string
eiot_result_eid (opaque)string
eiot_result_is_duplicate (opaque)sint32
eiot_result_reply (opaque)opaque
eiot_result_error (opaque)opaque
eiot_result_free (opaque)void
eiot_refresh_usage_n (string,size_t,opaque*)sint32
eiot_webhook_verify (string,size_t,string,size_t,sint32,uint64,opaque*)sint32
eiot_sign (string[],string[],size_t,string,size_t,sint32,opaque,size_t,opaque*)sint32
END
    my ($name, $takes, $gives) = $line =~ /^(\w+) \((.*)\)(\w+)$/;
    $function{$name} = $ffi->function($name => [split /,/, $takes] => $gives);
}

my %SIGN_METHOD = (sha1 => 1, md5 => 2);
my $SIGN_SIZE = 41;
# How long to wait for the next result.
my $FOREVER = -1;

=head1 FUNCTIONS

=head2 Eiot::sign(\%parameters, $secret, $method)

Computes the platform's signature of flat parameters, upper-case hex. C<$method> is C<'sha1'>, the default, or C<'md5'>.

=cut

sub sign {
    my ($parameters, $secret, $method) = @_;
    my @names = map { _bytes($_) } keys %$parameters;
    my @values = map { _bytes($_) } values %$parameters;
    # C ends these texts at a NUL, and would sign what stands before it.
    Carp::croak('a parameter must not hold a NUL') if grep { /\0/ } @names, @values;
    my $room = "\0" x $SIGN_SIZE;
    my ($address) = FFI::Platypus::Buffer::scalar_to_buffer($room);
    _check(sub {
        $function{eiot_sign}->call(\@names, \@values, scalar @names, _text($secret), _method($method), $address, $SIGN_SIZE, @_);
    });
    return unpack 'Z*', $room;
}

=head2 Eiot::verify_webhook($payload, $secret, max_age => $seconds, method => 'sha1')

Dies with an L</Eiot::Error> of the kind C<invalid_signature> unless the signature of the webhook is valid.
C<$payload> is the raw body of the HTTP request, as bytes; decoded text dies, since it is not what was signed. Its appkey
is not signed. With a C<max_age> above 0 it must have a timestamp, and be no older.

=cut

sub verify_webhook {
    my ($payload, $secret, %options) = @_;
    Carp::croak('a payload is needed here, not undef') unless defined $payload;
    # Perl may hold bytes as UTF-8, and counts characters: C would then be given a pointer to more than it is told of, and would
    # check the beginning only.
    utf8::downgrade($payload, 1) or Carp::croak('the payload must be bytes as they came, not decoded text');
    my $max_age = $options{max_age} // 0;
    Carp::croak("max_age must be a number of seconds, is '$max_age'")
        unless Scalar::Util::looks_like_number($max_age) && $max_age >= 0;
    # Never rounded down to "no limit".
    my $max_age_ms = POSIX::ceil($max_age * 1000);
    _check(sub {
        $function{eiot_webhook_verify}
            ->call($payload, length $payload, _text($secret), _method($options{method}), $max_age_ms, @_);
    });
    return;
}

=head2 Eiot::version()

The version of the library.

=cut

sub version { return $function{eiot_version}->call }

=head2 Eiot::kind($status)

The kind behind a status number: C<'ok'> for 0, C<'unknown'> for an unknown status.

=cut

sub kind { my ($status) = @_; return $function{eiot_status_kind}->call($status) }

=head1 METHODS

=head2 Eiot->new(%options)

A client of one account: C<appkey>, C<secret> or C<secret_file>, C<base_url>, C<timeout> and C<connect_timeout> (seconds),
C<max_attempts>, C<rate_limit>, C<rate_scope>, C<rate_dir>, C<rate_share> (C<'1/4'>), C<rate_wait>, C<eid_cooldown> (seconds), C<clock_skew>,
C<error_codes> (C<'45109=cooldown,7=final'>), C<max_auth_failures>, C<outage_timeout> (seconds), C<strict_eid>,
C<allow_rounded_eid>, C<sign_method>, C<ca_file>,
C<client_cert_file> and C<client_key_file> (mutual TLS), C<proxy>, C<source_address>, C<user_agent_suffix>,
C<allow_http>; switches are C<'on'> and
C<'off'>. Create one and reuse it: it keeps a connection pool. Dies if an option is invalid; the message names it.

=head2 Eiot->from_env(%options)

The same, with omitted options taken from the environment: C<EIOT_APPKEY> and so on.

=cut

sub new { my ($class, %options) = @_; return $class->_make('eiot_config_new', \%options) }

sub from_env { my ($class, %options) = @_; return $class->_make('eiot_config_from_env', \%options) }

=head2 $client->with_options(%options)

A client with these options and otherwise those of C<$client>, with which it shares connections and rate. For calls
that need another timeout, for example: C<< $client->with_options(timeout => 3)->refresh_usage($eid) >>.

=cut

sub with_options {
    my ($self, %options) = @_;
    my $handle = $self->{handle};
    my $config = _made(sub { $function{eiot_config_from_client}->call($handle, @_) });
    return (ref $self)->_configured($config, \%options, sub { $function{eiot_client_with_options}->call($handle, @_) });
}

sub _make {
    my ($class, $config_function, $options) = @_;
    my $config = _made(sub { $function{$config_function}->call(@_) });
    return $class->_configured($config, $options, sub { $function{eiot_client_new}->call(@_) });
}

# Sets the options, makes a client of the configuration, and frees it.
sub _configured {
    my ($class, $config, $options, $make) = @_;
    my $handle = eval {
        for my $name (sort keys %$options) {
            next unless defined $options->{$name};
            _check(sub { $function{eiot_config_set_option}->call($config, _text($name), _text($options->{$name}), @_) });
        }
        _made(sub { $make->($config, @_) });
    };
    my $error = $@;
    $function{eiot_config_free}->call($config);
    die $error unless defined $handle;
    # Nothing of the account is kept here, so that a dump of the object shows no secret.
    return bless { handle => $handle }, $class;
}

=head2 $client->refresh_usage($eid)

Refreshes the package usage of one card and waits for the reply. Gives an L</Eiot::Reply>.

As C<< Eiot->refresh_usage($eid) >> it uses a client of the whole process, which the environment configures, and gives nothing.

=cut

sub refresh_usage {
    my ($self, $eid) = @_;
    return _check(sub { $function{eiot_refresh_usage_n}->call(_text($eid), @_) }) unless ref $self;
    my $handle = $self->{handle};
    return _taken_reply(_made(sub {
        $function{eiot_client_refresh_usage_with_cancel}->call($handle, _text($eid), undef, @_);
    }));
}

=head2 $client->call($path, \%parameters, idempotent => 1)

Makes any other signed API call, such as C</api/v3/cloudesim/get>. Parameters are a hash, or the text of a JSON object;
a number is what Perl takes for one, so write EIDs in quotes. If the reply is lost, the call is retried only when it
is idempotent. Read-only calls and refreshUsage are; for other calls pass C<idempotent>.

=cut

sub call {
    my ($self, $path, $parameters, %options) = @_;
    my $handle = $self->{handle};
    my $json = ref $parameters ? JSON::PP->new->canonical->encode($parameters) : $parameters // '{}';
    return _taken_reply(_made(sub {
        $function{eiot_client_call}->call($handle, _text($path), _text($json), $options{idempotent} ? 1 : 0, undef, @_);
    }));
}

=head2 $client->refresh_many(\@eids, $concurrency)

Refreshes many cards, up to C<$concurrency> (32) at once. C<\@eids> may be a code reference that gives the next EID, and
C<undef> at the end. Returns a code reference: each call of it waits for the next L</Eiot::Result>, in order of completion, and
returns C<undef> when all cards have come back. Each card comes back exactly once, duplicates with the result of the first.

A batch that cannot succeed stops itself: after C<max_auth_failures> (20) consecutive authentication failures, or when the
platform was unreachable for C<outage_timeout> (900) seconds. All remaining cards then come back with an error of the
cause's kind, C<attempts> 0 and C<delivered> C<'no'>, which says why they were not sent. During an outage it holds its cards back,
and resumes when the platform responds.

    my $next = $client->refresh_many(\@eids);
    while (my $result = $next->()) { ... }

=cut

sub refresh_many {
    my ($self, $eids, $concurrency) = @_;
    my $handle = $self->{handle};
    my @left = ref $eids eq 'ARRAY' ? @$eids : ();
    my $source = ref $eids eq 'CODE' ? $eids : sub { shift @left };
    my $batch = Eiot::Batch->_take(_made(sub { $function{eiot_batch_new}->call($handle, $concurrency // 0, undef, @_) }));
    my ($count, $ended) = (0);
    return sub {
        while (!$ended && $function{eiot_batch_has_room}->call($$batch)) {
            my $eid = $source->();
            $ended = !defined $eid;
            _check(sub { $function{eiot_batch_push}->call($$batch, _text($eid), $count++, @_) }) unless $ended;
        }
        my $result = _made(sub { $function{eiot_batch_next}->call($$batch, $FOREVER, @_) });
        # In both contexts, false at the end.
        return defined $result ? Eiot::Result->_take($result) : ();
    };
}

=head2 $client->stats

Counters of the client and of the clients that share its connections, as a hash: calls, attempts, errors by kind, retries,
waits. C<stats_json> is the same as JSON text. docs/statistics.md of eiot explains each.

=cut

sub stats { my ($self) = @_; my $json = $self->stats_json; return defined $json ? JSON::PP->new->decode($json) : undef }

sub stats_json {
    my ($self) = @_;
    my ($room, $length) = ('', 0);
    do {
        $room = "\0" x ($length + 1024);
        my ($address, $size) = FFI::Platypus::Buffer::scalar_to_buffer($room);
        $length = $function{eiot_client_stats_json}->call($self->{handle}, $address, $size);
    } while $length >= length $room;
    return $length ? _decoded(substr $room, 0, $length) : undef;
}

=head2 $client->close

Closes the connections. Later calls die with an L</Eiot::Error>; closing again has no effect. A client that goes out
of scope closes itself.

=cut

sub close {
    my ($self) = @_;
    $function{eiot_client_free}->call(delete $self->{handle}) if defined $self->{handle};
    return;
}

sub DESTROY { my ($self) = @_; $self->close unless ${^GLOBAL_PHASE} eq 'DESTRUCT'; return }

# Text for C: its bytes and how many there are.
sub _text { my $bytes = _bytes($_[0]); return ($bytes, length $bytes) }

sub _bytes {
    my ($text) = @_;
    Carp::croak('a text is needed here, not undef') unless defined $text;
    return Encode::encode('UTF-8', $text, Encode::LEAVE_SRC);
}

sub _method {
    my ($name) = @_;
    return $SIGN_METHOD{$name // 'sha1'} // Carp::croak("method must be 'sha1' or 'md5', is '$name'");
}

# Calls with a place for the error, and dies with it.
sub _check {
    my ($call) = @_;
    my $error;
    my $status = $call->(\$error);
    return if $status == 0;
    my $made = Eiot::Error->_read($status, $error);
    $function{eiot_error_free}->call($error);
    die $made;
}

# The same, for what makes something.
sub _made {
    my ($call) = @_;
    my $made;
    _check(sub { $call->(\$made, @_) });
    return $made;
}

sub _taken_reply {
    my ($handle) = @_;
    my $reply = Eiot::Reply->_read($handle);
    $function{eiot_reply_free}->call($handle);
    return $reply;
}

package Eiot::Batch {
    sub _take { my ($class, $handle) = @_; return bless \$handle, $class }
    sub DESTROY { my ($self) = @_; $function{eiot_batch_free}->call($$self) unless ${^GLOBAL_PHASE} eq 'DESTRUCT'; return }
}

=head1 Eiot::Result

The result of one card of a batch. C<index> (its place among the cards, from 0), C<input> (the EID as it was given), C<eid> (without the
whitespace around it), C<is_duplicate> (the same card came shortly before: this is its result, and nothing was sent), C<reply> and C<error>, of
which one is C<undef>.

=cut

package Eiot::Result {

    sub _take {
        my ($class, $handle) = @_;
        my ($reply, $error) = map { scalar $function{"eiot_result_$_"}->call($handle) } qw(reply error);
        my %result = map { $_ => Eiot::_decoded(scalar $function{"eiot_result_$_"}->call($handle)) } qw(input eid);
        $result{index} = $function{eiot_result_tag}->call($handle);
        $result{is_duplicate} = $function{eiot_result_is_duplicate}->call($handle) != 0;
        $result{reply} = Eiot::Reply->_read($reply) if defined $reply;
        $result{error} = Eiot::Error->_read($function{eiot_result_status}->call($handle), $error) if defined $error;
        $function{eiot_result_free}->call($handle);
        return bless \%result, $class;
    }

    sub index { return $_[0]{index} }
    sub input { return $_[0]{input} }
    sub eid { return $_[0]{eid} }
    sub is_duplicate { return $_[0]{is_duplicate} }
    sub reply { return $_[0]{reply} }
    sub error { return $_[0]{error} }
}

=head1 Eiot::Reply

The platform has accepted. C<eid>, C<code> (always C<'200'>), C<message> (show it, but do not compare it), C<data_json> and C<data>
(decoded), C<attempts>.

=cut

package Eiot::Reply {

    sub _read {
        my ($class, $handle) = @_;
        my %reply = map { $_ => scalar $function{"eiot_reply_$_"}->call($handle) } qw(eid code message data_json attempts);
        return bless { map { $_ => Eiot::_decoded($reply{$_}) } keys %reply }, $class;
    }

    sub eid { return $_[0]{eid} }
    sub code { return $_[0]{code} }
    sub message { return $_[0]{message} }
    sub data_json { return $_[0]{data_json} }
    sub attempts { return $_[0]{attempts} }
    sub data { my ($self) = @_; return defined $self->{data_json} ? JSON::PP->new->decode($self->{data_json}) : undef }
}

=head1 Eiot::Error

A failed call. As text it is its C<message>, which says what happened, to which EID, and what to do about it. C<kind> (the
same words in every language, such as C<'timeout'>), C<status> (its number in C), C<code> and C<platform_message> (the
platform's own, or C<undef>), C<http_status> (0 if there was no response), C<attempts>, C<retry_after> (seconds, or C<undef>),
C<delivered> (C<'no'>, C<'yes'>, C<'unknown'>: whether the platform may have acted), C<is_final> (whether the same call would
fail again, no matter what changes: malformed EIDs, and the platform's codes for invalid requests), C<is_retryable> (whether the failure may pass by
itself, and it is safe to repeat this call), C<eid> (or C<undef>), C<body> (the first 2 KiB of the response
body, as bytes, when the response is not the platform's, such as the HTML page of a proxy; otherwise C<undef>), C<headers> (a hash
of the response headers that help support, such as C<x-request-id>, by their names in lower case).

=cut

package Eiot::Error {
    use overload '""' => sub { $_[0]{message} }, bool => sub { 1 }, fallback => 1;

    my %FIELD = (code => 'platform_code', map { $_ => $_ } qw(message eid platform_message http_status attempts));
    my @DELIVERED = qw(no yes unknown);

    sub _read {
        my ($class, $status, $handle) = @_;
        my $self = bless { status => $status, kind => Eiot::kind($status) }, $class;
        $self->{$_} = Eiot::_decoded(scalar $function{"eiot_error_$FIELD{$_}"}->call($handle)) for keys %FIELD;
        my $retry_after_ms = $function{eiot_error_retry_after_ms}->call($handle);
        $self->{retry_after} = $retry_after_ms < 0 ? undef : $retry_after_ms / 1000;
        $self->{delivered} = $DELIVERED[$function{eiot_error_delivered}->call($handle)] // 'unknown';
        $self->{is_final} = $function{eiot_error_is_final}->call($handle) != 0;
        $self->{is_retryable} = $function{eiot_error_is_retryable}->call($handle) != 0;
        my $length = 0;
        my $body = $function{eiot_error_body}->call($handle, \$length);
        $self->{body} = defined $body ? FFI::Platypus::Buffer::buffer_to_scalar($body, $length) : undef;
        $self->{headers} = {};
        my $index = 0;
        while (defined(my $name = $function{eiot_error_header_name}->call($handle, $index++))) {
            $self->{headers}{$name} = Eiot::_decoded(scalar $function{eiot_error_header}->call($handle, $name));
        }
        return $self;
    }

    sub message { return $_[0]{message} }
    sub kind { return $_[0]{kind} }
    sub status { return $_[0]{status} }
    sub code { return $_[0]{code} }
    sub platform_message { return $_[0]{platform_message} }
    sub http_status { return $_[0]{http_status} }
    sub attempts { return $_[0]{attempts} }
    sub retry_after { return $_[0]{retry_after} }
    sub delivered { return $_[0]{delivered} }
    sub is_final { return $_[0]{is_final} }
    sub is_retryable { return $_[0]{is_retryable} }
    sub eid { return $_[0]{eid} }
    sub body { return $_[0]{body} }
    sub headers { return $_[0]{headers} }
}

package Eiot;

sub _decoded { my ($bytes) = @_; return defined $bytes ? Encode::decode('UTF-8', $bytes) : undef }

1;
