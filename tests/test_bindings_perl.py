"""Tests specific to Perl: character strings, fork, a batch that outlives its client."""

import pytest
import signer
from conftest import run, vectors
from languages import LANGUAGES

PERL = LANGUAGES["perl"]

pytestmark = pytest.mark.skipif(PERL.missing() is not None, reason=str(PERL.missing()))


def perl(code, *words):
    """Runs a program with the wrapper and returns its output."""
    command = ["perl", f"-I{PERL.folder / 'lib'}", "-MEiot", "-MEncode", "-e", f"use strict; use warnings; $| = 1; {code}", "--", *words]
    done = run(command, environment=PERL.variables())
    assert done.stderr == "", done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", ["flat", "Chinese", "nested"])
def test_webhook_is_its_bytes_however_perl_stores_them(name):
    case = next(case for case in vectors("webhooks.json")["cases"] if case["name"] == name)
    said = perl(
        """
        my ($bytes, $secret) = @ARGV;
        my $held_otherwise = $bytes;
        utf8::upgrade($held_otherwise);
        for my $payload ($bytes, $held_otherwise) {
            print eval { Eiot::verify_webhook($payload, $secret); 1 } ? "genuine\n" : $@;
        }
        print utf8::is_utf8($held_otherwise) ? "left alone\n" : "changed\n";
        """,
        case["payload"],
        case["secret"],
    )
    assert said == ["genuine", "genuine", "left alone"]


def test_webhook_with_trailing_text_is_rejected():
    """As many characters more as the text has fewer than its bytes: what counts characters checks the beginning only."""
    case = next(case for case in vectors("webhooks.json")["cases"] if case["name"] == "Chinese")
    longer = len(case["payload"].encode()) - len(case["payload"])
    assert longer > 0
    said = perl(
        """
        my ($bytes, $secret, $longer) = @ARGV;
        my $text = Encode::decode('UTF-8', $bytes);
        utf8::upgrade(my $held_otherwise = $bytes . 'X' x (length(Encode::encode('UTF-8', $bytes)) - length $bytes));
        for my $payload ($text, $text . 'X' x $longer, $bytes . 'X' x $longer, $held_otherwise) {
            print eval { Eiot::verify_webhook($payload, $secret); 1 } ? "accepted\n" : ref $@ ? $@->kind . "\n" : $@;
        }
        """,
        case["payload"],
        case["secret"],
        str(longer),
    )
    assert all("must be bytes" in line for line in said[:2]), said
    assert said[2:] == ["invalid_signature", "invalid_signature"]


@pytest.mark.parametrize("max_age", ["0.0004", "-1", "soon", "nan"])
def test_max_age_is_never_ignored(max_age):
    old = signer.with_sign('{"event":"usage","timestamp":1700000000}', "s", "sha1")
    said = perl(
        """
        my ($payload, $max_age) = @ARGV;
        print eval { Eiot::verify_webhook($payload, 's', max_age => $max_age); 1 } ? "accepted\n" : ref $@ ? $@->kind : $@;
        """,
        old,
        max_age,
    )
    assert said[0] == "invalid_signature" if max_age == "0.0004" else said[0].startswith("max_age must be"), said


def test_signing_does_not_truncate_text():
    (said,) = perl(r"""print eval { Eiot::sign({a => "b\0c"}, 's'); 1 } ? "signed\n" : $@;""")
    assert "NUL" in said


def test_forked_children_use_their_parents_client(simulator):
    running = simulator("--tls", "--unlimited")
    said = perl(
        """
        my $client = Eiot->new(map { split /=/, $_, 2 } @ARGV);
        $client->refresh_usage('89040000');
        my @children;
        for my $card (1 .. 3) {
            my $child = fork;
            if (!$child) { exit(eval { $client->refresh_usage("8904000$card") } ? 0 : 1) }
            push @children, $child;
        }
        for my $child (@children) { waitpid $child, 0; print "child $?\n" }
        print $client->refresh_usage('89040009')->eid, "\n";
        """,
        *(f"{name}={value}" for name, value in running.options.items()),
    )
    assert said == ["child 0", "child 0", "child 0", "89040009"]


def test_batch_outlives_its_client(simulator):
    running = simulator("--tls", "--unlimited")
    said = perl(
        """
        my $next = Eiot->new(map { split /=/, $_, 2 } @ARGV)->refresh_many([map { 89040000 + $_ } 0 .. 19], 4);
        while (my $result = $next->()) { print $result->reply ? $result->eid : $result->error, "\n" }
        """,
        *(f"{name}={value}" for name, value in running.options.items()),
    )
    assert sorted(said) == [str(89040000 + card) for card in range(20)]


def test_eid_digits_survive_json(simulator):
    """Text stays text, though it looks like a number: 32 digits are too many for one of Perl's."""
    card = "89044011112233441122334411223321"
    running = simulator("--tls", "--unlimited")
    said = perl(
        """
        my $card = shift @ARGV;
        my $client = Eiot->new(map { split /=/, $_, 2 } @ARGV);
        my $looked_at = $card + 0;
        print $client->call('/api/v3/cloudesim/get', {eid => $card})->eid, "\n";
        """,
        card,
        *(f"{name}={value}" for name, value in running.options.items()),
    )
    assert said == [card]


def test_loops_that_end_early_leak_nothing(simulator):
    running = simulator("--tls", "--unlimited")
    said = perl(
        """
        sub footprint {
            open my $statm, '<', '/proc/self/statm' or die $!;
            my @pages = split ' ', <$statm>;
            opendir my $descriptors, '/proc/self/fd' or die $!;
            return ($pages[1] * 4, scalar(() = readdir $descriptors));
        }
        my $client = Eiot->new(map { split /=/, $_, 2 } @ARGV);
        my @cards = map { 89040000 + $_ } 1 .. 8;
        my @early;
        for my $round (1 .. 300) {
            my $next = $client->refresh_many(\\@cards, 4);
            $next->();
            @early = footprint() if $round == 100;
        }
        my @late = footprint();
        print $late[0] - $early[0], "\\n", $late[1] - $early[1], "\\n";
        """,
        *(f"{name}={value}" for name, value in running.options.items()),
    )
    kib, descriptors = map(int, said)
    assert descriptors <= 2 and kib <= 256, said
