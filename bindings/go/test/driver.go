// Driver runs the Go wrapper for tests/test_bindings.py, which says what the arguments are.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	eiot "eiot"
)

var ctx = context.Background()

// options makes each of the wrapper's options from text, as the tests have it; a text that its type cannot hold goes
// through by name.
var options = map[string]func(string) (eiot.Option, error){
	"appkey":            text(eiot.WithAppKey),
	"secret":            text(eiot.WithSecret),
	"secret_file":       text(eiot.WithSecretFile),
	"base_url":          text(eiot.WithBaseURL),
	"allow_http":        onOff(eiot.WithAllowHTTP),
	"timeout":           seconds(eiot.WithTimeout),
	"connect_timeout":   seconds(eiot.WithConnectTimeout),
	"max_attempts":      typed(strconv.Atoi, eiot.WithMaxAttempts),
	"rate_limit":        typed(float, eiot.WithRateLimit),
	"rate_scope":        text(eiot.WithRateScope),
	"rate_dir":          text(eiot.WithRateDir),
	"rate_share":        share,
	"rate_wait":         onOff(eiot.WithRateWait),
	"eid_cooldown":      seconds(eiot.WithEIDCooldown),
	"clock_skew":        onOff(eiot.WithClockSkew),
	"error_codes":       codes,
	"max_auth_failures": typed(strconv.Atoi, eiot.WithMaxAuthFailures),
	"outage_timeout":    seconds(eiot.WithOutageTimeout),
	"strict_eid":        onOff(eiot.WithStrictEID),
	"allow_rounded_eid": onOff(eiot.WithAllowRoundedEID),
	"sign_method":       typed(method, eiot.WithSignMethod),
	"ca_file":           text(eiot.WithCAFile),
	"client_cert_file":  text(eiot.WithClientCertFile),
	"client_key_file":   text(eiot.WithClientKeyFile),
	"proxy":             text(eiot.WithProxy),
	"source_address":    text(eiot.WithSourceAddress),
	"user_agent_suffix": text(eiot.WithUserAgentSuffix),
}

var kinds = []eiot.Kind{
	0, eiot.KindInvalidArgument, eiot.KindInvalidEID, eiot.KindConfig, eiot.KindConnect, eiot.KindTLS, eiot.KindTimeout,
	eiot.KindConnectionLost, eiot.KindCancelled, eiot.KindAuth, eiot.KindRateLimited, eiot.KindCooldown, eiot.KindPlatform,
	eiot.KindHTTP, eiot.KindProtocol, eiot.KindUnavailable, eiot.KindInvalidSignature, eiot.KindInternal,
}

func main() {
	verb, arguments := "refresh", os.Args[1:]
	if len(arguments) > 0 && !strings.Contains(arguments[0], "=") && arguments[0] != "--" {
		verb, arguments = arguments[0], arguments[1:]
	}
	var given []eiot.Option
	for len(arguments) > 0 && arguments[0] != "--" {
		name, value, _ := strings.Cut(arguments[0], "=")
		option, err := eiot.WithOption(name, value), error(nil)
		if typed, known := options[name]; known {
			if option, err = typed(value); err != nil {
				option = eiot.WithOption(name, value)
			}
		}
		given, arguments = append(given, option), arguments[1:]
	}
	if len(arguments) > 0 {
		arguments = arguments[1:]
	}
	switch verb {
	case "statuses":
		for _, kind := range kinds {
			say(map[string]any{"status": int(kind), "kind": kind.String()})
		}
		return
	case "options":
		names := []string{}
		for name := range options {
			names = append(names, name)
		}
		say(map[string]any{"options": names})
		return
	case "verify":
		hash, _ := method(arguments[2])
		ms, _ := strconv.Atoi(arguments[3])
		err := eiot.VerifyWebhook([]byte(arguments[0]), arguments[1], hash, time.Duration(ms)*time.Millisecond)
		if err != nil {
			sayError(err)
			return
		}
		say(map[string]any{"ok": true, "status": 0})
		return
	case "sign":
		hash, _ := method(arguments[1])
		parameters := map[string]string{}
		for _, argument := range arguments[2:] {
			name, value, _ := strings.Cut(argument, "=")
			parameters[name] = value
		}
		sign, err := eiot.Sign(parameters, arguments[0], hash)
		if err != nil {
			sayError(err)
			return
		}
		say(map[string]any{"sign": sign})
		return
	}
	make := eiot.New
	if len(given) == 0 {
		make = eiot.FromEnv
	}
	client, err := make(given...)
	if err != nil {
		sayError(err)
		return
	}
	defer client.Close()
	switch verb {
	case "refresh":
		for _, eid := range arguments {
			outcome(client.RefreshUsage(ctx, bytes(eid)))
		}
	case "batch":
		batch := client.RefreshMany(ctx, arguments, 8)
		for batch.Next() {
			sayResult(batch.Result())
		}
		if err := batch.Err(); err != nil {
			sayError(err)
		}
	case "call":
		var more []eiot.CallOption
		if len(arguments) > 2 {
			more = append(more, eiot.Idempotent)
		}
		outcome(client.Call(ctx, arguments[0], json.RawMessage(arguments[1]), more...))
	case "threads":
		goroutines, _ := strconv.Atoi(arguments[0])
		calls, _ := strconv.Atoi(arguments[1])
		var succeeded int32
		var all sync.WaitGroup
		for n := 0; n < goroutines; n++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for call := 0; call < calls; call++ {
					if _, err := client.RefreshUsage(ctx, arguments[2]); err == nil {
						atomic.AddInt32(&succeeded, 1)
					}
				}
			}()
		}
		all.Wait()
		say(map[string]any{"ok": succeeded})
	case "cancelled":
		for _, eid := range arguments {
			soon, stop := context.WithTimeout(ctx, 200*time.Millisecond)
			outcome(client.RefreshUsage(soon, bytes(eid)))
			stop()
		}
		soon, stop := context.WithTimeout(ctx, 200*time.Millisecond)
		defer stop()
		batch := client.RefreshMany(soon, arguments, 8)
		for batch.Next() {
			sayResult(batch.Result())
		}
	case "derived":
		derived, err := client.WithOptions(eiot.WithOption(arguments[0], arguments[1]))
		if err != nil {
			sayError(err)
			return
		}
		for _, each := range []*eiot.Client{derived, client} {
			for _, eid := range arguments[2:] {
				outcome(each.RefreshUsage(ctx, eid))
			}
			each.Close()
		}
	case "stats":
		for _, eid := range arguments {
			outcome(client.RefreshUsage(ctx, eid))
		}
		say(map[string]any{"stats": client.StatsJSON()})
	case "events":
		watched, err := client.WithOptions(eiot.WithEvents(func(event json.RawMessage) { say(map[string]any{"event": event}) }))
		if err != nil {
			sayError(err)
			return
		}
		for _, eid := range arguments {
			outcome(watched.RefreshUsage(ctx, eid))
		}
		watched.Close()
	case "shown":
		shown := ""
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			shown += fmt.Sprintf(verb, client) + fmt.Sprintf(verb, given)
		}
		say(map[string]any{"shown": shown})
	case "closed":
		client.Close()
		client.Close()
		outcome(client.RefreshUsage(ctx, "1"))
	default:
		os.Exit(3)
	}
}

func say(fields map[string]any) {
	line, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(append(line, '\n'))
}

func outcome(reply *eiot.Reply, err error) {
	say(outcomeOf(reply, err))
}

func sayError(err error) { outcome(nil, err) }

func sayResult(result eiot.Result) {
	fields := outcomeOf(result.Reply, result.Err)
	fields["index"], fields["input"], fields["duplicate"] = result.Index, result.Input, result.Duplicate
	say(fields)
}

func outcomeOf(reply *eiot.Reply, err error) map[string]any {
	if err != nil {
		return errorOf(err)
	}
	return map[string]any{
		"ok": true, "status": 0, "eid": reply.EID, "code": reply.Code, "message": reply.Message,
		"data_json": orNull(string(reply.Data)), "attempts": reply.Attempts,
	}
}

func errorOf(err error) map[string]any {
	var e *eiot.Error
	if !errors.As(err, &e) {
		panic(err)
	}
	retryAfterMs := int64(-1)
	if e.RetryAfter >= 0 {
		retryAfterMs = e.RetryAfter.Milliseconds()
	}
	var body any
	if e.Body != nil {
		body = string(e.Body)
	}
	return map[string]any{
		"body": body, "headers": e.Headers, "retryable": e.Retryable,
		"ok": false, "status": int(e.Kind), "kind": e.Kind.String(), "message": e.Error(), "eid": orNull(e.EID),
		"code": orNull(e.Code), "platform_message": orNull(e.PlatformMessage), "http_status": e.HTTPStatus,
		"attempts": e.Attempts, "retry_after_ms": retryAfterMs, "delivered": int(e.Delivered), "final": e.Final,
	}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// bytes are what an argument stands for: "hex:8904ff" for these bytes.
func bytes(argument string) string {
	if decoded, err := hex.DecodeString(strings.TrimPrefix(argument, "hex:")); err == nil && strings.HasPrefix(argument, "hex:") {
		return string(decoded)
	}
	return argument
}

func typed[T any](read func(string) (T, error), with func(T) eiot.Option) func(string) (eiot.Option, error) {
	return func(value string) (eiot.Option, error) {
		of, err := read(value)
		return with(of), err
	}
}

func text(with func(string) eiot.Option) func(string) (eiot.Option, error) {
	return typed(func(value string) (string, error) { return value, nil }, with)
}

func onOff(with func(bool) eiot.Option) func(string) (eiot.Option, error) {
	return typed(func(value string) (bool, error) {
		if value != "on" && value != "off" {
			return false, errors.New("neither on nor off")
		}
		return value == "on", nil
	}, with)
}

func seconds(with func(time.Duration) eiot.Option) func(string) (eiot.Option, error) {
	return typed(func(value string) (time.Duration, error) { return time.ParseDuration(value + "s") }, with)
}

func float(value string) (float64, error) { return strconv.ParseFloat(value, 64) }

func method(value string) (eiot.SignMethod, error) {
	for _, method := range []eiot.SignMethod{eiot.SHA1, eiot.MD5} {
		if method.String() == value {
			return method, nil
		}
	}
	return 0, errors.New("no such method")
}

func share(value string) (eiot.Option, error) {
	which, of, _ := strings.Cut(value, "/")
	first, err := strconv.Atoi(which)
	if err != nil {
		return nil, err
	}
	second, err := strconv.Atoi(of)
	return eiot.WithRateShare(first, second), err
}

func codes(value string) (eiot.Option, error) {
	meanings := map[string]eiot.CodeMeaning{}
	for _, pair := range strings.Split(value, ",") {
		code, name, _ := strings.Cut(pair, "=")
		meanings[code] = eiot.CodeMeaning(name)
	}
	return eiot.WithErrorCodes(meanings), nil
}
