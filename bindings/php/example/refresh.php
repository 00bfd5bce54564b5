<?php

/** Refreshes the cards that are given: the first by itself, the rest many at once. The account is in the environment. */

declare(strict_types=1);

require __DIR__ . '/../Eiot.php';

/** What happened and what to do, and what to look at before the call is repeated. */
function tell(Eiot\EiotException $error): void
{
    fwrite(STDERR, "{$error->getMessage()}\n");
    fwrite(STDERR, "  kind {$error->kind->value}, code {$error->platformCode}, delivered {$error->delivered->value}\n");
}

$eids = array_slice($argv, 1);
$failures = 0;
try {
    $client = new Eiot\Client(timeout: 10, fromEnv: true);
    if ($eids !== []) {
        $reply = $client->refreshUsage($eids[0]);
        echo "{$reply->eid}: {$reply->message}\n";
    }
    foreach ($client->refreshMany(array_slice($eids, 1)) as $result) {
        if ($result->reply !== null) {
            echo "{$result->eid}: {$result->reply->message}\n";
        } else {
            tell($result->error);
            $failures++;
        }
    }
} catch (Eiot\EiotException $error) {
    tell($error);
    $failures++;
}
exit($failures > 0 ? 1 : 0);
