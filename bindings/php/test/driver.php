<?php

/** Drives the PHP wrapper for tests/test_bindings.py, which says what the arguments are. */

declare(strict_types=1);

require __DIR__ . '/../Eiot.php';

use Eiot\Client;
use Eiot\Delivered;
use Eiot\EiotException;
use Eiot\Kind;
use Eiot\RateScope;
use Eiot\Reply;
use Eiot\SignMethod;

function say(array $fields): void
{
    echo json_encode($fields, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE), "\n";
}

function sayReply(Reply $reply, array $more = []): void
{
    say($more + ['ok' => true, 'status' => 0, 'eid' => $reply->eid, 'code' => $reply->code, 'message' => $reply->message,
        'data_json' => $reply->dataJson, 'attempts' => $reply->attempts]);
}

function sayError(EiotException $error, array $more = []): void
{
    say($more + ['retryable' => $error->isRetryable, 'ok' => false, 'status' => $error->status, 'kind' => $error->kind->value, 'message' => $error->getMessage(),
        'eid' => $error->eid, 'code' => $error->platformCode, 'platform_message' => $error->platformMessage,
        'http_status' => $error->httpStatus ?? 0, 'attempts' => $error->attempts,
        'retry_after_ms' => $error->retryAfter === null ? -1 : (int) round($error->retryAfter * 1000),
        'delivered' => array_search($error->delivered, [Delivered::No, Delivered::Yes, Delivered::Unknown], true),
        'final' => $error->isFinal, 'body' => $error->body, 'headers' => (object) $error->headers]);
}

/** Says what comes of it, or why nothing does. */
function outcome(callable $make): void
{
    try {
        sayReply($make());
    } catch (EiotException $error) {
        sayError($error);
    }
}

/** The name of an option in all languages, as PHP has it. */
function camel(string $name): string
{
    return lcfirst(str_replace('_', '', ucwords($name, '_')));
}

function snake(string $name): string
{
    return strtolower(preg_replace('/[A-Z]/', '_$0', $name));
}

function typed(string $name, string $value): mixed
{
    return match ($name) {
        'timeout', 'connectTimeout', 'rateLimit', 'eidCooldown', 'outageTimeout' => (float) $value,
        'maxAttempts', 'maxAuthFailures' => (int) $value,
        'rateScope' => RateScope::from($value),
        'signMethod' => SignMethod::from($value),
        'rateWait', 'clockSkew', 'strictEid', 'allowRoundedEid', 'allowHttp' => $value === 'on',
        'errorCodes' => array_column(array_map(fn ($pair) => explode('=', $pair), explode(',', $value)), 1, 0),
        default => $value,
    };
}

$arguments = array_slice($argv, 1);
$verbs = ['batch', 'call', 'derived', 'stats', 'events', 'verify', 'sign', 'statuses', 'options', 'closed', 'shown'];
$verb = in_array($arguments[0] ?? '', $verbs, true) ? array_shift($arguments) : 'refresh';
$options = [];
while (($word = array_shift($arguments) ?? '--') !== '--') {
    [$name, $value] = explode('=', $word, 2);
    $options[camel($name)] = typed(camel($name), $value);
}

try {
    $client = $options !== [] ? new Client(...$options) : ($verb === 'refresh' ? Client::fromEnv() : null);
} catch (EiotException $error) {
    sayError($error);
    exit(0);
}

switch ($verb) {
    case 'refresh':
        foreach ($arguments as $word) {
            $eid = str_starts_with($word, 'hex:') ? hex2bin(substr($word, 4)) : $word;
            outcome(fn () => $client->refreshUsage($eid));
        }
        break;
    case 'batch':
        foreach ($client->refreshMany($arguments, concurrency: 8) as $result) {
            $more = ['index' => $result->index, 'input' => $result->input, 'duplicate' => $result->isDuplicate];
            $result->reply !== null ? sayReply($result->reply, $more) : sayError($result->error, $more);
        }
        break;
    case 'derived':
        [$name, $value] = array_splice($arguments, 0, 2);
        try {
            $derived = $client->withOptions(...[camel($name) => typed(camel($name), $value)]);
        } catch (EiotException $error) {
            sayError($error);
            break;
        }
        foreach ([$derived, $client] as $each) {
            foreach ($arguments as $eid) {
                outcome(fn () => $each->refreshUsage($eid));
            }
        }
        break;
    case 'stats':
        foreach ($arguments as $eid) {
            outcome(fn () => $client->refreshUsage($eid));
        }
        say(['stats' => $client->stats()]);
        break;
    case 'events':
        $watched = $client->withOptions(events: fn (array $event) => say(['event' => $event]));
        foreach ($arguments as $eid) {
            outcome(fn () => $watched->refreshUsage($eid));
        }
        break;
    case 'call':
        [$path, $json] = $arguments;
        $parameters = (array) json_decode($json, false, 512, JSON_THROW_ON_ERROR);
        outcome(fn () => $client->call($path, $parameters, idempotent: isset($arguments[2])));
        break;
    case 'verify':
        [$payload, $secret, $method, $maxAgeMs] = $arguments;
        try {
            Eiot\verifyWebhook($payload, $secret, (int) $maxAgeMs / 1000 ?: null, SignMethod::from($method));
            say(['ok' => true, 'status' => 0]);
        } catch (EiotException $error) {
            sayError($error);
        }
        break;
    case 'sign':
        [$secret, $method] = $arguments;
        $pairs = array_map(fn ($pair) => explode('=', $pair, 2), array_slice($arguments, 2));
        try {
            say(['sign' => Eiot\sign(array_column($pairs, 1, 0), $secret, SignMethod::from($method))]);
        } catch (EiotException $error) {
            sayError($error);
        }
        break;
    case 'statuses':
        say(['status' => 0, 'kind' => 'ok']);
        foreach (range(1, 200) as $status) {
            if (Kind::ofStatus($status) !== Kind::Unknown) {
                say(['status' => $status, 'kind' => Kind::ofStatus($status)->value]);
            }
        }
        break;
    case 'options':
        $parameters = (new ReflectionMethod(Client::class, '__construct'))->getParameters();
        $names = array_map(fn ($parameter) => snake($parameter->getName()), $parameters);
        say(['options' => array_values(array_diff($names, ['log', 'events', 'from', 'from_env']))]);
        break;
    case 'shown':
        ob_start();
        var_dump($client);
        print_r($client);
        var_export($client);
        echo json_encode($client);
        say(['shown' => ob_get_clean()]);
        break;
    case 'closed':
        $client->close();
        $client->close();
        outcome(fn () => $client->refreshUsage('1'));
        break;
}
