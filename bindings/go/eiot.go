// Package eiot refreshes the package usage of EIOTCLUB cloud eSIM cards. It is a thin wrapper around
// libeiot, found by pkg-config.
//
//	client, err := eiot.FromEnv(eiot.WithTimeout(10 * time.Second))
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//	reply, err := client.RefreshUsage(ctx, "89044011112233441122334411223321")
//
// A call blocks its goroutine and one OS thread for at most the client's timeout. Strings are UTF-8.
package eiot

/*
#cgo pkg-config: eiot
#cgo linux LDFLAGS: -Wl,-rpath,$ORIGIN
#include <eiot.h>
#include <stdlib.h>

// Go strings come with their length, and libeiot copies what it takes: so none is copied here, nor cut at a NUL.
#define TEXT(string) _GoStringPtr(string), _GoStringLen(string)

static inline eiot_status set_option(eiot_config *config, _GoString_ name, _GoString_ value, eiot_error **err) {
	return eiot_config_set_option(config, TEXT(name), TEXT(value), err);
}

static inline eiot_status refresh(_GoString_ eid, eiot_error **err) {
	return eiot_refresh_usage_n(TEXT(eid), err);
}

static inline eiot_status client_refresh(const eiot_client *client, _GoString_ eid, const eiot_cancel *cancel,
                                         eiot_reply **reply, eiot_error **err) {
	return eiot_client_refresh_usage_with_cancel(client, TEXT(eid), cancel, reply, err);
}

static inline eiot_status client_call(const eiot_client *client, _GoString_ path, _GoString_ parameters, int32_t idempotent,
                                      const eiot_cancel *cancel, eiot_reply **reply, eiot_error **err) {
	return eiot_client_call(client, TEXT(path), TEXT(parameters), idempotent, cancel, reply, err);
}

static inline eiot_status batch_push(eiot_batch *batch, _GoString_ eid, uint64_t tag, eiot_error **err) {
	return eiot_batch_push(batch, TEXT(eid), tag, err);
}

static inline eiot_status verify(_GoString_ payload, _GoString_ secret, eiot_sign_method method, uint64_t max_age_ms,
                                 eiot_error **err) {
	return eiot_webhook_verify(TEXT(payload), TEXT(secret), method, max_age_ms, err);
}

static inline eiot_status sign(const char *const *names, const char *const *values, size_t count, _GoString_ secret,
                               eiot_sign_method method, char *out, eiot_error **err) {
	return eiot_sign(names, values, count, TEXT(secret), method, out, EIOT_SIGN_SIZE, err);
}

// In log.go. A handle is a number, and travels as one: Go's collector looks at what is in a pointer.
void eiotGoLog(char *line, uintptr_t handle);

static void log_line(const char *line, void *handle) {
	eiotGoLog((char *)line, (uintptr_t)handle);
}

static inline eiot_status set_log(eiot_config *config, uintptr_t handle, eiot_error **err) {
	return eiot_config_set_log(config, log_line, (void *)handle, err);
}

static void tell_event(const eiot_event *event, void *handle) {
	eiotGoLog((char *)eiot_event_json(event), (uintptr_t)handle);
}

static inline eiot_status set_event_callback(eiot_config *config, uintptr_t handle, eiot_error **err) {
	return eiot_config_set_event_callback(config, tell_event, (void *)handle, err);
}
*/
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"runtime/cgo"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// Version is the version of the loaded library, such as "0.1.0".
func Version() string {
	return C.GoString(C.eiot_version())
}

// Kind is the kind of an Error. Its numbers are the statuses of the C library; later versions may add new ones, so treat an
// unknown kind as a failure.
type Kind int32

// The kinds; docs/errors.md describes causes and remedies.
const (
	KindInvalidArgument  Kind = C.EIOT_ERR_INVALID_ARGUMENT // an argument other than the EID is invalid, or the client is closed
	KindInvalidEID       Kind = C.EIOT_ERR_INVALID_EID      // not 1 to 32 digits, or in strict mode not a GSMA EID
	KindConfig           Kind = C.EIOT_ERR_CONFIG           // an option is missing or invalid
	KindConnect          Kind = C.EIOT_ERR_CONNECT          // connecting failed
	KindTLS              Kind = C.EIOT_ERR_TLS              // the TLS handshake failed
	KindTimeout          Kind = C.EIOT_ERR_TIMEOUT          // the call's deadline passed
	KindConnectionLost   Kind = C.EIOT_ERR_IO               // the connection was lost before the complete response arrived
	KindCancelled        Kind = C.EIOT_ERR_CANCELLED        // the context ended
	KindAuth             Kind = C.EIOT_ERR_AUTH             // authentication failed: credentials, permissions or source address
	KindRateLimited      Kind = C.EIOT_ERR_RATE_LIMITED     // too many requests
	KindCooldown         Kind = C.EIOT_ERR_COOLDOWN         // the card was refreshed too recently
	KindPlatform         Kind = C.EIOT_ERR_PLATFORM         // the platform rejected the call with another code
	KindHTTP             Kind = C.EIOT_ERR_HTTP             // unexpected HTTP status
	KindProtocol         Kind = C.EIOT_ERR_PROTOCOL         // the response could not be parsed
	KindUnavailable      Kind = C.EIOT_ERR_UNAVAILABLE      // the platform is temporarily unavailable
	KindInvalidSignature Kind = C.EIOT_ERR_SIGNATURE        // a webhook was signed with another secret, modified, or is too old
	KindInternal         Kind = C.EIOT_ERR_INTERNAL         // a bug in the library
)

// String returns the kind's name, the same in every language, such as "timeout"; "unknown" for an unknown kind.
func (k Kind) String() string {
	return C.GoString(C.eiot_status_kind(C.eiot_status(k)))
}

// Delivered says whether the platform received the request. Check it before you repeat a call.
type Delivered int32

// After DeliveredNo, repeating is safe; after DeliveredUnknown, the platform may have acted.
const (
	DeliveredNo      Delivered = C.EIOT_DELIVERED_NO
	DeliveredYes     Delivered = C.EIOT_DELIVERED_YES
	DeliveredUnknown Delivered = C.EIOT_DELIVERED_UNKNOWN
)

// String is "no", "yes" or "unknown".
func (d Delivered) String() string {
	return C.GoString(C.eiot_delivered_name(C.eiot_delivered(d)))
}

// Error is the type of all errors of this package; use errors.As. It contains neither the secret nor a signature, so it is safe
// to log.
type Error struct {
	Kind            Kind
	Message         string        // what happened, to which EID, and what to do
	EID             string        // the card; "" when the failure has nothing to do with one
	Code            string        // the platform's error code, verbatim; "" if it sent none
	PlatformMessage string        // the platform's error message, verbatim, often Chinese; "" if it sent none
	HTTPStatus      int           // 0 when there was no reply
	Attempts        int           // how many requests were sent or started
	RetryAfter      time.Duration // how long the platform asks to wait; negative when it does not say
	Delivered       Delivered
	Retryable       bool // the failure may pass by itself, and it is safe to repeat this call
	Final           bool // the same call would fail again, whatever happens: a malformed EID, the platform's codes for a wrong request

	// Body is the first 2 KiB of the response body, verbatim, if the response is not the platform's, such as the HTML page of
	// a proxy; nil otherwise.
	Body []byte
	// Headers are the response headers that help support, such as "x-request-id", by their names in lower case; empty when there
	// was no response.
	Headers map[string]string

	cause error
}

// Error is the Message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the context's error if the context ended the call, so that errors.Is(err, context.Canceled) works.
func (e *Error) Unwrap() error { return e.cause }

// Timeout reports whether the client's timeout or the context's deadline passed.
func (e *Error) Timeout() bool { return e.Kind == KindTimeout || e.cause == context.DeadlineExceeded }

// taken converts the result of a C function to a Go error, nil if it succeeded, and frees it.
func taken(status C.eiot_status, place **C.eiot_error) *Error {
	if status == C.EIOT_OK {
		return nil
	}
	defer C.eiot_error_free(*place)
	return readError(*place)
}

func readError(err *C.eiot_error) *Error {
	made := &Error{
		Kind:            Kind(C.eiot_error_status(err)),
		Message:         C.GoString(C.eiot_error_message(err)),
		EID:             C.GoString(C.eiot_error_eid(err)),
		Code:            C.GoString(C.eiot_error_platform_code(err)),
		PlatformMessage: C.GoString(C.eiot_error_platform_message(err)),
		HTTPStatus:      int(C.eiot_error_http_status(err)),
		Attempts:        int(C.eiot_error_attempts(err)),
		RetryAfter:      -1,
		Delivered:       Delivered(C.eiot_error_delivered(err)),
		Retryable:       C.eiot_error_is_retryable(err) != 0,
		Final:           C.eiot_error_is_final(err) != 0,
	}
	if ms := C.eiot_error_retry_after_ms(err); ms >= 0 {
		made.RetryAfter = time.Duration(ms) * time.Millisecond
	}
	var length C.size_t
	if body := C.eiot_error_body(err, &length); body != nil {
		made.Body = C.GoBytes(unsafe.Pointer(body), C.int(length))
	}
	made.Headers = map[string]string{}
	for index := C.size_t(0); ; index++ {
		name := C.eiot_error_header_name(err, index)
		if name == nil {
			break
		}
		made.Headers[C.GoString(name)] = C.GoString(C.eiot_error_header(err, name))
	}
	return made
}

// orNil keeps a nil *Error from becoming an error that is not nil.
func (e *Error) orNil() error {
	if e == nil {
		return nil
	}
	return e
}

func invalid(message string) *Error {
	return &Error{Kind: KindInvalidArgument, Message: message, RetryAfter: -1, Final: true}
}

// Reply is a successful reply. A refresh triggers one usage sync with the carrier; new figures may become
// visible a little later.
type Reply struct {
	EID      string
	Code     string          // always "200": every other one is an error
	Message  string          // the platform's message, verbatim: show it, but do not compare it
	Data     json.RawMessage // the reply's data, verbatim; nil if there is none
	Attempts int             // how many requests the call took
}

func takenReply(reply *C.eiot_reply) *Reply {
	defer C.eiot_reply_free(reply)
	return readReply(reply)
}

func readReply(reply *C.eiot_reply) *Reply {
	made := &Reply{
		EID:      C.GoString(C.eiot_reply_eid(reply)),
		Code:     C.GoString(C.eiot_reply_code(reply)),
		Message:  C.GoString(C.eiot_reply_message(reply)),
		Attempts: int(C.eiot_reply_attempts(reply)),
	}
	if data := C.eiot_reply_data_json(reply); data != nil {
		made.Data = json.RawMessage(C.GoString(data))
	}
	return made
}

// SignMethod is the hash function of a signature.
type SignMethod int32

// SHA1 is what the platform documents; MD5 is for gateways that require it.
const (
	SHA1 SignMethod = C.EIOT_SIGN_SHA1
	MD5  SignMethod = C.EIOT_SIGN_MD5
)

func (m SignMethod) String() string {
	switch m {
	case SHA1:
		return "sha1"
	case MD5:
		return "md5"
	}
	return fmt.Sprintf("SignMethod(%d)", int32(m))
}

// Option is an option of a client, made by one of the With functions. Values are validated when the client is created.
type Option func(*settings)

type settings struct {
	config *C.eiot_config
	log    func(line string)
	events func(event string)
	err    *Error
}

// WithOption sets any option by its name, from text in the format of the environment: ("timeout", "2.5"), ("strict_eid", "on").
// It is for programs that read options from a file; otherwise, prefer the specific functions.
func WithOption(name, value string) Option {
	return func(s *settings) {
		if s.err == nil {
			var err *C.eiot_error
			s.err = taken(C.set_option(s.config, name, value, &err), &err)
		}
	}
}

// WithAppKey identifies the account's application. Required.
func WithAppKey(appkey string) Option { return WithOption("appkey", appkey) }

// WithSecret is the account's secret. Required, here or in a file.
func WithSecret(secret string) Option { return WithOption("secret", secret) }

// WithSecretFile names a file that contains the secret and nothing else.
func WithSecretFile(path string) Option { return WithOption("secret_file", path) }

// WithBaseURL sets the base URL of the platform. Default "https://oapi.eiotclub.com".
func WithBaseURL(url string) Option { return WithOption("base_url", url) }

// WithAllowHTTP allows plain http to any address; appkey and signature are then sent unencrypted. Default off.
func WithAllowHTTP(allow bool) Option { return WithOption("allow_http", onOff(allow)) }

// WithTimeout is the timeout of a whole call, including all attempts and waits. Default 30 s.
func WithTimeout(timeout time.Duration) Option { return WithOption("timeout", seconds(timeout)) }

// WithConnectTimeout is the timeout of establishing a connection. Default 5 s.
func WithConnectTimeout(timeout time.Duration) Option {
	return WithOption("connect_timeout", seconds(timeout))
}

// WithMaxAttempts is the maximum number of requests per call, including the first. Default 3.
func WithMaxAttempts(attempts int) Option {
	return WithOption("max_attempts", strconv.Itoa(attempts))
}

// WithRateLimit is the account's rate limit in calls per second; 0 is unlimited. Default 10.
func WithRateLimit(callsPerSecond float64) Option {
	return WithOption("rate_limit", strconv.FormatFloat(callsPerSecond, 'f', -1, 64))
}

// WithRateScope says which clients share the rate limit: "auto", the default, "process", "host" (all processes of this user), or
// "redis://host:port/db" (all machines that use this Redis).
func WithRateScope(scope string) Option { return WithOption("rate_scope", scope) }

// WithRateDir is the directory of the shared rate file, for several users or containers.
func WithRateDir(path string) Option { return WithOption("rate_dir", path) }

// WithRateShare is this client's share of the rate limit, for fleets of machines: part which, from 1 to of.
func WithRateShare(which, of int) Option {
	return WithOption("rate_share", fmt.Sprintf("%d/%d", which, of))
}

// WithRateWait says whether to wait for the rate limiter, the default, or to fail immediately with KindRateLimited.
func WithRateWait(wait bool) Option { return WithOption("rate_wait", onOff(wait)) }

// WithEIDCooldown is the cooldown per card: refreshing a card again sooner fails with KindCooldown. Default 0, disabled.
func WithEIDCooldown(rest time.Duration) Option { return WithOption("eid_cooldown", seconds(rest)) }

// WithClockSkew says whether to correct timestamps by the clock offset measured from the platform's replies. Default on.
func WithClockSkew(correct bool) Option { return WithOption("clock_skew", onOff(correct)) }

// CodeMeaning is what an error code of the platform means for a call.
type CodeMeaning string

// The meanings: a kind, or of a KindPlatform whether the same call would fail again, or is retried as an HTTP 503 is.
const (
	CodeAuth        CodeMeaning = "auth"
	CodeRateLimited CodeMeaning = "rate_limited"
	CodeCooldown    CodeMeaning = "cooldown"
	CodeUnavailable CodeMeaning = "unavailable"
	CodePlatform    CodeMeaning = "platform"
	CodeFinal       CodeMeaning = "final"
	CodeRetry       CodeMeaning = "retry"
)

// WithErrorCodes sets the meaning of platform error codes. Takes precedence over the published codes.
func WithErrorCodes(codes map[string]CodeMeaning) Option {
	pairs := make([]string, 0, len(codes))
	for code, meaning := range codes {
		pairs = append(pairs, code+"="+string(meaning))
	}
	return WithOption("error_codes", strings.Join(pairs, ","))
}

// WithMaxAuthFailures stops a batch after this many consecutive authentication failures; 0 disables this. Default 20.
func WithMaxAuthFailures(count int) Option {
	return WithOption("max_auth_failures", strconv.Itoa(count))
}

// WithOutageTimeout is how long a batch holds its cards back while the platform is unreachable; 0 disables holding. Default 15 minutes.
func WithOutageTimeout(timeout time.Duration) Option {
	return WithOption("outage_timeout", seconds(timeout))
}

// WithStrictEID accepts only GSMA EIDs: 32 digits with a valid checksum. Default off.
func WithStrictEID(strict bool) Option { return WithOption("strict_eid", onOff(strict)) }

// WithAllowRoundedEID accepts EIDs that a spreadsheet or a JSON number seems to have rounded. Default off: they are malformed.
func WithAllowRoundedEID(allow bool) Option { return WithOption("allow_rounded_eid", onOff(allow)) }

// WithSignMethod is the hash function of the signature. Default SHA1.
func WithSignMethod(method SignMethod) Option { return WithOption("sign_method", method.String()) }

// WithCAFile names a PEM file of CA certificates to trust instead of the system's.
func WithCAFile(path string) Option { return WithOption("ca_file", path) }

// WithClientCertFile names a PEM file with the certificate chain that the client presents (mutual TLS), for gateways that require
// a client certificate. Requires WithClientKeyFile.
func WithClientCertFile(path string) Option { return WithOption("client_cert_file", path) }

// WithClientKeyFile names the PEM file with the private key of the client certificate, without a passphrase.
func WithClientKeyFile(path string) Option { return WithOption("client_key_file", path) }

// WithProxy is a proxy, "http://[user:password@]host:port"; the scheme can also be https, socks5 (host names are resolved locally)
// or socks5h (the proxy resolves them). "env" reads HTTPS_PROXY, ALL_PROXY and NO_PROXY. Default none.
func WithProxy(url string) Option { return WithOption("proxy", url) }

// WithSourceAddress is the local IP address to connect from. Default: the system chooses.
func WithSourceAddress(address string) Option { return WithOption("source_address", address) }

// WithUserAgentSuffix names your program in the User-Agent header, for example "billing/2.3".
func WithUserAgentSuffix(suffix string) Option { return WithOption("user_agent_suffix", suffix) }

// WithLog sets a log callback. It receives one line per attempt, and when a batch holds its cards back, resumes or stops itself;
// without secret or signature. It runs on the goroutine that makes the call, so on several at once if they share the client. A
// panic in it ends the program.
func WithLog(log func(line string)) Option { return func(s *settings) { s.log = log } }

// WithEvents sets a callback for each attempt and each local refusal, as a JSON object; docs/statistics.md describes its members. It is called
// as the function of WithLog is.
func WithEvents(events func(event json.RawMessage)) Option {
	return func(s *settings) { s.events = func(event string) { events(json.RawMessage(event)) } }
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// Client refreshes the cards of one account. Create one and reuse it: it keeps a connection pool and the account's rate limiter.
// Safe for concurrent use by multiple goroutines.
type Client struct {
	mu        sync.Mutex
	handle    *C.eiot_client
	parent    *Client      // whose callbacks this client may use; nil: none
	callbacks []cgo.Handle // freed with the client
	users     int          // calls in flight, open batches and derived clients
	closed    bool
}

// New creates a client with options; an appkey and a secret are required. Sends nothing. An error is of KindConfig and names
// the option.
func New(options ...Option) (*Client, error) {
	var config *C.eiot_config
	var err *C.eiot_error
	if failure := taken(C.eiot_config_new(&config, &err), &err); failure != nil {
		return nil, failure
	}
	return newClient(&Client{}, config, options)
}

// FromEnv creates a client from the environment: EIOT_APPKEY, EIOT_SECRET and so on. Options override the environment.
func FromEnv(options ...Option) (*Client, error) {
	var config *C.eiot_config
	var err *C.eiot_error
	if failure := taken(C.eiot_config_from_env(&config, &err), &err); failure != nil {
		return nil, failure
	}
	return newClient(&Client{}, config, options)
}

// WithOptions creates a client with these options and otherwise those of c, with which it shares connections and rate, for calls that
// need another timeout, for example. Close it as well; c can be closed before.
func (c *Client) WithOptions(options ...Option) (*Client, error) {
	if failure := c.enter(); failure != nil {
		return nil, failure
	}
	var config *C.eiot_config
	var err *C.eiot_error
	if failure := taken(C.eiot_config_from_client(c.handle, &config, &err), &err); failure != nil {
		c.leave()
		return nil, failure
	}
	return newClient(&Client{parent: c}, config, options)
}

// StatsJSON returns the counters of the client and of those that share its connections: calls, attempts, errors by kind, retries,
// waits. docs/statistics.md describes its members. Nil when the client is closed.
func (c *Client) StatsJSON() json.RawMessage {
	if c.enter() != nil {
		return nil
	}
	defer c.leave()
	for size := 2048; ; {
		room := make([]byte, size)
		length := int(C.eiot_client_stats_json(c.handle, (*C.char)(unsafe.Pointer(&room[0])), C.size_t(size)))
		if length < size {
			return room[:length]
		}
		size = length + 1024
	}
}

// newClient completes a client with options, and frees them.
func newClient(client *Client, config *C.eiot_config, options []Option) (*Client, error) {
	defer C.eiot_config_free(config)
	chosen := settings{config: config}
	for _, option := range options {
		option(&chosen)
	}
	var err *C.eiot_error
	if chosen.err == nil && chosen.log != nil {
		chosen.err = taken(C.set_log(config, client.callback(chosen.log), &err), &err)
	}
	if chosen.err == nil && chosen.events != nil {
		chosen.err = taken(C.set_event_callback(config, client.callback(chosen.events), &err), &err)
	}
	if chosen.err == nil && client.parent != nil {
		chosen.err = taken(C.eiot_client_with_options(client.parent.handle, config, &client.handle, &err), &err)
	} else if chosen.err == nil {
		chosen.err = taken(C.eiot_client_new(config, &client.handle, &err), &err)
	}
	if chosen.err != nil {
		client.free()
		return nil, chosen.err
	}
	runtime.SetFinalizer(client, (*Client).Close) // a safety net; it may run late or never
	return client, nil
}

// Close closes the client. It does not wait: later calls fail with KindInvalidArgument, while calls in flight and open batches
// complete; the last of them closes the connections. It never fails, and closing again has no effect.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.users == 0 {
		c.free()
	}
	return nil
}

// free is called by one goroutine, when there is no other left.
func (c *Client) free() {
	C.eiot_client_free(c.handle)
	c.handle = nil
	for _, callback := range c.callbacks {
		callback.Delete()
	}
	c.callbacks = nil
	if c.parent != nil {
		c.parent.leave()
		c.parent = nil
	}
}

// callback keeps a function for C until the client is freed.
func (c *Client) callback(function func(string)) C.uintptr_t {
	handle := cgo.NewHandle(function)
	c.callbacks = append(c.callbacks, handle)
	return C.uintptr_t(handle)
}

// enter keeps the handle alive until leave.
func (c *Client) enter() *Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return invalid("the client is closed; make another, or close it later")
	}
	c.users++
	return nil
}

func (c *Client) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
	if c.closed && c.users == 0 {
		c.free()
	}
}

// RefreshUsage refreshes the package usage of one card and waits for the reply. An error is an *Error.
//
// When ctx ends, the call is cancelled within 50 ms, with KindCancelled and an error that wraps ctx.Err(); its Delivered
// says whether the card may have been refreshed.
func (c *Client) RefreshUsage(ctx context.Context, eid string) (*Reply, error) {
	return c.do(ctx, func(cancel *C.eiot_cancel, reply **C.eiot_reply, err **C.eiot_error) C.eiot_status {
		return C.client_refresh(c.handle, eid, cancel, reply, err)
	})
}

// CallOption is an option of a Call.
type CallOption int

// Idempotent marks a call as idempotent, so that it is retried if its reply is lost.
const Idempotent CallOption = 1

// Call makes any other signed API call, such as "/api/v3/cloudesim/get". The parameters are anything that encoding/json
// encodes as an object: a map, a struct, a json.RawMessage; nil means none. Write EIDs as strings.
func (c *Client) Call(ctx context.Context, path string, parameters any, options ...CallOption) (*Reply, error) {
	if parameters == nil {
		parameters = struct{}{}
	}
	text := new(strings.Builder)
	encoder := json.NewEncoder(text)
	encoder.SetEscapeHTML(false) // what is signed is what is sent
	if err := encoder.Encode(parameters); err != nil {
		return nil, invalid("parameters: " + err.Error())
	}
	var idempotent C.int32_t
	for _, option := range options {
		if option == Idempotent {
			idempotent = 1
		}
	}
	return c.do(ctx, func(cancel *C.eiot_cancel, reply **C.eiot_reply, err **C.eiot_error) C.eiot_status {
		return C.client_call(c.handle, path, text.String(), idempotent, cancel, reply, err)
	})
}

// do makes a call that ctx can cancel.
func (c *Client) do(ctx context.Context, call func(*C.eiot_cancel, **C.eiot_reply, **C.eiot_error) C.eiot_status) (*Reply, error) {
	if failure := c.enter(); failure != nil {
		return nil, failure
	}
	defer c.leave()
	watch, failure := watchOver(ctx)
	if failure != nil {
		return nil, failure
	}
	defer watch.end()
	var reply *C.eiot_reply
	var err *C.eiot_error
	if failure := watch.explain(taken(call(watch.cancel, &reply, &err), &err)); failure != nil {
		return nil, failure
	}
	return takenReply(reply), nil
}

// watch triggers a cancellation token when a context ends.
type watch struct {
	ctx         context.Context
	cancel      *C.eiot_cancel // nil where the context never ends
	done, ended chan struct{}
}

func watchOver(ctx context.Context) (*watch, *Error) {
	w := &watch{ctx: ctx}
	if ctx.Done() == nil {
		return w, nil
	}
	var err *C.eiot_error
	if failure := taken(C.eiot_cancel_new(&w.cancel, &err), &err); failure != nil {
		return nil, failure
	}
	if ctx.Err() != nil {
		C.eiot_cancel_trigger(w.cancel) // before anything is sent
		return w, nil
	}
	w.done, w.ended = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(w.ended)
		select {
		case <-w.ctx.Done():
			C.eiot_cancel_trigger(w.cancel)
		case <-w.done:
		}
	}()
	return w, nil
}

// end waits for the goroutine, so that none is left and it does not trigger a freed token.
func (w *watch) end() {
	if w.done != nil {
		close(w.done)
		<-w.ended
	}
	C.eiot_cancel_free(w.cancel)
	w.cancel = nil
}

// explain wraps the context's error in a failure that it caused.
func (w *watch) explain(failure *Error) *Error {
	if failure != nil && failure.Kind == KindCancelled {
		failure.cause = w.ctx.Err()
	}
	return failure
}

// Result is the result of one card of a batch: a reply or an error.
type Result struct {
	Index     int    // the card's place among the EIDs, from 0
	Input     string // the EID as it was given
	EID       string // the EID without the whitespace around it
	Duplicate bool   // the same card came shortly before: this is its result, and nothing was sent
	Reply     *Reply // nil where the card was not refreshed
	Err       error  // nil where it was; otherwise an *Error
}

func takenResult(result *C.eiot_result, watch *watch) Result {
	defer C.eiot_result_free(result)
	made := Result{
		Index:     int(C.eiot_result_tag(result)),
		Input:     C.GoString(C.eiot_result_input(result)),
		EID:       C.GoString(C.eiot_result_eid(result)),
		Duplicate: C.eiot_result_is_duplicate(result) != 0,
	}
	if reply := C.eiot_result_reply(result); reply != nil {
		made.Reply = readReply(reply)
	}
	if err := C.eiot_result_error(result); err != nil {
		made.Err = watch.explain(readError(err))
	}
	return made
}

// Batch refreshes many cards, with many calls in flight on the goroutine that calls Next. Calls make progress only inside Next, so
// process results quickly or hand them on. Memory use depends on the concurrency, not on the number of cards. Not safe for
// concurrent use.
//
// A batch that cannot succeed stops itself: after WithMaxAuthFailures consecutive authentication failures, or when the platform
// was unreachable for WithOutageTimeout. All remaining cards then come back with an *Error of the cause's Kind, Attempts 0
// and DeliveredNo, which says why they were not sent. During an outage it holds its cards back, and resumes when the platform
// responds.
//
//	batch := client.RefreshMany(ctx, eids, 0)
//	defer batch.Close()
//	for batch.Next() {
//		fmt.Println(batch.Result().Input, batch.Result().Err)
//	}
//	return batch.Err()
type Batch struct {
	mu      sync.Mutex
	client  *Client
	handle  *C.eiot_batch // nil: closed, or never begun
	watch   *watch
	next    func() (string, bool)
	count   int  // cards pushed so far
	drained bool // next has no more, or ctx ended
	result  Result
	err     *Error
}

// RefreshMany refreshes many cards, with at most concurrency calls in flight, 1 to 1024; 0 is the default, 32. Each card comes back
// exactly once, duplicates with the result of the first. When ctx ends, no more cards are sent. Batch.Err returns errors of the batch itself.
func (c *Client) RefreshMany(ctx context.Context, eids []string, concurrency int) *Batch {
	return c.RefreshManyFunc(ctx, func() (string, bool) {
		if len(eids) == 0 {
			return "", false
		}
		eid := eids[0]
		eids = eids[1:]
		return eid, true
	}, concurrency)
}

// RefreshManyFunc is like RefreshMany for EIDs that do not fit in memory: next returns one at a time, and false at the end. It is
// called by Batch.Next, on its goroutine.
func (c *Client) RefreshManyFunc(ctx context.Context, next func() (eid string, more bool), concurrency int) *Batch {
	if failure := c.enter(); failure != nil {
		return &Batch{err: failure}
	}
	batch := &Batch{client: c, next: next}
	batch.watch, batch.err = watchOver(ctx)
	if batch.err == nil {
		var err *C.eiot_error
		// What does not fit must not become what does.
		if concurrency < 0 || concurrency > math.MaxInt32 {
			concurrency = math.MaxInt32
		}
		batch.err = taken(C.eiot_batch_new(c.handle, C.uint32_t(concurrency), batch.watch.cancel, &batch.handle, &err), &err)
	}
	if batch.err != nil {
		batch.free()
		return batch
	}
	runtime.SetFinalizer(batch, (*Batch).Close)
	return batch
}

// Next waits for the next result, in order of completion, which Result then returns. It returns false when all cards have come
// back, or when the batch failed.
func (b *Batch) Next() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.result = Result{}
	if b.handle == nil {
		return false
	}
	var result *C.eiot_result
	var err *C.eiot_error
	failure := b.fill()
	if failure == nil {
		failure = taken(C.eiot_batch_next(b.handle, forever, &result, &err), &err)
	}
	if result != nil {
		b.result = takenResult(result, b.watch)
		return true
	}
	if failure != nil {
		b.err = failure
	}
	b.free()
	return false
}

// forever is how long Next waits.
const forever = -1

// fill pushes cards while the batch has room.
func (b *Batch) fill() *Error {
	// A batch that ctx has ended has no room; next knows whether cards remain.
	for !b.drained && (b.watch.ctx.Err() != nil || C.eiot_batch_has_room(b.handle) != 0) {
		eid, more := b.next()
		if !more {
			b.drained = true
			return nil
		}
		if cause := b.watch.ctx.Err(); cause != nil {
			b.drained = true
			b.err = &Error{
				Kind: KindCancelled, Message: "the batch was stopped: cards that did not come back were not sent",
				RetryAfter: -1, cause: cause,
			}
			return nil
		}
		var err *C.eiot_error
		if failure := taken(C.batch_push(b.handle, eid, C.uint64_t(b.count), &err), &err); failure != nil {
			return failure
		}
		b.count++
	}
	return nil
}

// Result returns the result that Next waited for.
func (b *Batch) Result() Result { return b.result }

// Err returns why Next returned false: nil if all cards have come back, refreshed or not.
func (b *Batch) Err() error { return b.err.orNil() }

// Close frees the batch; calls in flight are cancelled. It never fails. Required if a loop over Next
// ends early, and a no-op otherwise.
func (b *Batch) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free()
	return nil
}

// free lets go of everything, once.
func (b *Batch) free() {
	if b.client == nil {
		return
	}
	C.eiot_batch_free(b.handle)
	b.handle = nil
	if b.watch != nil {
		b.watch.end()
	}
	b.client.leave()
	b.client = nil
}

// RefreshUsage refreshes one card with a process-wide client that the first call configures from the environment. It is the
// simplest entry point; for contexts and replies, create a Client.
func RefreshUsage(eid string) error {
	var err *C.eiot_error
	return taken(C.refresh(eid, &err), &err).orNil()
}

// VerifyWebhook verifies the signature of a webhook. It returns nil, or an error of KindInvalidSignature. The payload is the raw
// body of the HTTP request. A non-zero maxAge rejects timestamps further than that from this machine's clock, which limits replay
// attacks. The payload's appkey is not covered by the signature: do not rely on it.
func VerifyWebhook(payload []byte, secret string, method SignMethod, maxAge time.Duration) error {
	if maxAge < 0 {
		return invalid("maxAge must not be negative: " + maxAge.String())
	}
	ms := (maxAge + time.Millisecond - 1) / time.Millisecond // a little is not no limit
	var err *C.eiot_error
	return taken(C.verify(string(payload), secret, C.eiot_sign_method(method), C.uint64_t(ms), &err), &err).orNil()
}

// Sign computes the platform's signature of flat parameters, in upper-case hex; empty values and one named "sign" are skipped.
func Sign(parameters map[string]string, secret string, method SignMethod) (string, error) {
	count := len(parameters)
	// C's memory, since Go's may not be handed over with pointers in it; one more, so that there is a first.
	table := unsafe.Slice((**C.char)(C.calloc(C.size_t(2*count+1), C.size_t(unsafe.Sizeof(uintptr(0))))), 2*count+1)
	defer func() {
		for _, text := range table {
			C.free(unsafe.Pointer(text))
		}
		C.free(unsafe.Pointer(&table[0]))
	}()
	at := 0
	for name, value := range parameters {
		if strings.ContainsRune(name+value, 0) {
			return "", invalid(fmt.Sprintf("parameter %q: a NUL cannot be signed", name))
		}
		table[at], table[count+at] = C.CString(name), C.CString(value)
		at++
	}
	var out [C.EIOT_SIGN_SIZE]C.char
	var err *C.eiot_error
	status := C.sign(&table[0], &table[count], C.size_t(count), secret, C.eiot_sign_method(method), &out[0], &err)
	if failure := taken(status, &err); failure != nil {
		return "", failure
	}
	return C.GoString(&out[0]), nil
}
