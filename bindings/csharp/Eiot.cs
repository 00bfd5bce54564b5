// Refreshes the package usage of EIOTCLUB cloud eSIM cards: a thin wrapper around libeiot, for .NET and Mono.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Eiot
{
    /// <summary>The kind of an error; the numbers are the statuses of the C library.</summary>
    public enum Kind
    {
        /// <summary>An argument other than the EID is invalid, or the client is closed.</summary>
        InvalidArgument = 1,
        /// <summary>Not 1 to 32 decimal digits, or in strict mode no GSMA EID.</summary>
        InvalidEid = 2,
        /// <summary>An option is missing or invalid.</summary>
        Config = 3,
        /// <summary>Connecting failed.</summary>
        Connect = 20,
        /// <summary>The TLS handshake failed.</summary>
        Tls = 21,
        /// <summary>The deadline passed.</summary>
        Timeout = 22,
        /// <summary>The connection was lost before the complete response arrived.</summary>
        ConnectionLost = 23,
        /// <summary>The caller cancelled the call.</summary>
        Cancelled = 24,
        /// <summary>Authentication failed: credentials, permissions or source address.</summary>
        Auth = 40,
        /// <summary>Too many requests.</summary>
        RateLimited = 41,
        /// <summary>The card was refreshed too recently.</summary>
        Cooldown = 42,
        /// <summary>The platform rejected the call with a code that has no more specific kind; see <see cref="EiotException.IsFinal"/>.</summary>
        Platform = 43,
        /// <summary>Unexpected HTTP status.</summary>
        Http = 44,
        /// <summary>The response could not be parsed.</summary>
        Protocol = 45,
        /// <summary>The platform is temporarily unavailable.</summary>
        Unavailable = 46,
        /// <summary>A webhook was signed with another secret, modified, or is too old.</summary>
        InvalidSignature = 60,
        /// <summary>A bug in the library.</summary>
        Internal = 99,
        /// <summary>A kind of a newer library that this version does not know; see <see cref="EiotException.Status"/>.</summary>
        Unknown = -1
    }

    /// <summary>Whether the platform received the request. Check this before you repeat a call.</summary>
    public enum Delivered
    {
        /// <summary>Nothing was sent.</summary>
        No = 0,
        /// <summary>The platform responded.</summary>
        Yes = 1,
        /// <summary>It was at least partly sent, and no response arrived.</summary>
        Unknown = 2
    }

    /// <summary>The hash function of the signature.</summary>
    public enum SignMethod
    {
        /// <summary>The default, documented by the platform.</summary>
        Sha1 = 1,
        /// <summary>For gateways that require it.</summary>
        Md5 = 2
    }

    /// <summary>Options of a client; null means the default. <c>eiot refresh --help</c> documents each.</summary>
    public sealed class Options
    {
        /// <summary>Identifies the account's application. Required.</summary>
        public string Appkey { get; set; }
        /// <summary>Signs each request; never sent. Required, unless you use <see cref="SecretFile"/>.</summary>
        public string Secret { get; set; }
        /// <summary>The path of a file that contains the secret and nothing else.</summary>
        public string SecretFile { get; set; }
        /// <summary>The base URL of the platform.</summary>
        public string BaseUrl { get; set; }
        /// <summary>Allows plain http to any address; appkey and signature are then sent unencrypted.</summary>
        public bool? AllowHttp { get; set; }
        /// <summary>The timeout of a whole call, including all attempts and waits.</summary>
        public TimeSpan? Timeout { get; set; }
        /// <summary>The timeout of establishing a connection.</summary>
        public TimeSpan? ConnectTimeout { get; set; }
        /// <summary>The maximum number of requests per call: the first one, and retries.</summary>
        public int? MaxAttempts { get; set; }
        /// <summary>The account's rate limit in calls per second; 0 is unlimited.</summary>
        public double? RateLimit { get; set; }
        /// <summary>Which clients share the rate limit: "auto", "process", "host" (all processes of this user on this machine), or
        /// "redis://host:port/db". "auto", the default, is "host" if possible.</summary>
        public string RateScope { get; set; }

        /// <summary>The directory of the shared rate file, for several users or containers.</summary>
        public string RateDir { get; set; }
        /// <summary>This client's share of the rate limit, for fleets: "2/5" is the second of five.</summary>
        public string RateShare { get; set; }
        /// <summary>Whether to wait for the rate limiter or fail immediately.</summary>
        public bool? RateWait { get; set; }
        /// <summary>The cooldown per card: refreshing a card again sooner fails.</summary>
        public TimeSpan? EidCooldown { get; set; }
        /// <summary>Corrects timestamps by the clock offset measured from the platform's replies.</summary>
        public bool? ClockSkew { get; set; }
        /// <summary>
        /// The meaning of platform error codes: "CODE=KIND,CODE=KIND", with the kinds auth, rate_limited, cooldown, unavailable,
        /// platform, final and retry. Takes precedence over the published codes.
        /// </summary>
        public string ErrorCodes { get; set; }
        /// <summary>A batch stops after this many consecutive authentication failures; 0 disables this.</summary>
        public int? MaxAuthFailures { get; set; }
        /// <summary>How long a batch holds its cards back while the platform is unreachable; zero disables holding.</summary>
        public TimeSpan? OutageTimeout { get; set; }
        /// <summary>Accepts only GSMA EIDs: 32 digits with a valid checksum.</summary>
        public bool? StrictEid { get; set; }
        /// <summary>Accepts EIDs that a spreadsheet or a JSON number seems to have rounded.</summary>
        public bool? AllowRoundedEid { get; set; }
        /// <summary>The hash function of the signature.</summary>
        public SignMethod? SignMethod { get; set; }
        /// <summary>A PEM file of CA certificates to trust instead of the system's.</summary>
        public string CaFile { get; set; }
        /// <summary>A PEM file with the client certificate and its chain, for mutual TLS. Requires ClientKeyFile.</summary>
        public string ClientCertFile { get; set; }
        /// <summary>The PEM file with the private key of the client certificate, without a passphrase.</summary>
        public string ClientKeyFile { get; set; }
        /// <summary>A proxy, http://[user:password@]host:port; the scheme can also be https, socks5 or socks5h. "env" reads the environment.</summary>
        public string Proxy { get; set; }
        /// <summary>The local IP address to connect from.</summary>
        public string SourceAddress { get; set; }
        /// <summary>Names your program in the User-Agent header, for example <c>billing/2.3</c>.</summary>
        public string UserAgentSuffix { get; set; }

        /// <summary>
        /// A log callback. It receives one line per attempt, and when a batch holds its cards back, resumes or stops itself; without
        /// secret or signature. It runs on the thread that makes the call, so on several at once if they share the client. Exceptions
        /// that it throws are discarded.
        /// </summary>
        public Action<string> Log { get; set; }

        /// <summary>
        /// A callback for each attempt and each local refusal, as the text of a JSON object; docs/statistics.md of eiot describes its
        /// members. It is called as <see cref="Log"/> is.
        /// </summary>
        public Action<string> Events { get; set; }

        /// <summary>The options by name, as text in the format of the environment; null is not set.</summary>
        internal Dictionary<string, string> Texts()
        {
            return new Dictionary<string, string>
            {
                { "appkey", Text(Appkey) },
                { "secret", Text(Secret) },
                { "secret_file", Text(SecretFile) },
                { "base_url", Text(BaseUrl) },
                { "allow_http", Text(AllowHttp) },
                { "timeout", Text(Timeout) },
                { "connect_timeout", Text(ConnectTimeout) },
                { "max_attempts", Text(MaxAttempts) },
                { "rate_limit", Text(RateLimit) },
                { "rate_scope", Text(RateScope) },
                { "rate_dir", Text(RateDir) },
                { "rate_share", Text(RateShare) },
                { "rate_wait", Text(RateWait) },
                { "eid_cooldown", Text(EidCooldown) },
                { "clock_skew", Text(ClockSkew) },
                { "error_codes", Text(ErrorCodes) },
                { "max_auth_failures", Text(MaxAuthFailures) },
                { "outage_timeout", Text(OutageTimeout) },
                { "strict_eid", Text(StrictEid) },
                { "allow_rounded_eid", Text(AllowRoundedEid) },
                { "sign_method", Text(SignMethod) },
                { "ca_file", Text(CaFile) },
                { "client_cert_file", Text(ClientCertFile) },
                { "client_key_file", Text(ClientKeyFile) },
                { "proxy", Text(Proxy) },
                { "source_address", Text(SourceAddress) },
                { "user_agent_suffix", UserAgentSuffix },
            };
        }

        private static string Text(object value)
        {
            if (value is bool) return (bool)value ? "on" : "off";
            if (value is TimeSpan) return ((decimal)((TimeSpan)value).Ticks / TimeSpan.TicksPerSecond).ToString(CultureInfo.InvariantCulture);
            if (value is SignMethod) return (SignMethod)value == Eiot.SignMethod.Md5 ? "md5" : "sha1";
            return value == null ? null : Convert.ToString(value, CultureInfo.InvariantCulture);
        }
    }

    /// <summary>A failed call. The message says what happened, to which EID, and what to do about it.</summary>
    public sealed class EiotException : Exception
    {
        /// <summary>The error kind.</summary>
        public Kind Kind { get { return Enum.IsDefined(typeof(Kind), Status) ? (Kind)Status : Kind.Unknown; } }
        /// <summary>The status of the C library, also if the kind is unknown.</summary>
        public int Status { get; private set; }
        /// <summary>The error kind, the same in every language, such as "timeout".</summary>
        public string KindName { get { return Native.Text(Native.eiot_status_kind(Status)); } }
        /// <summary>The platform's error code, verbatim; null if it sent none.</summary>
        public string Code { get; private set; }
        /// <summary>The platform's error message, verbatim; null if it sent none.</summary>
        public string PlatformMessage { get; private set; }
        /// <summary>The HTTP status of the response, or 0 if there was none.</summary>
        public int HttpStatus { get; private set; }
        /// <summary>How many requests were sent or started.</summary>
        public int Attempts { get; private set; }
        /// <summary>How long the platform asks to wait; null if it did not say.</summary>
        public TimeSpan? RetryAfter { get; private set; }
        /// <summary>Whether the platform received the request.</summary>
        public Delivered Delivered { get; private set; }
        /// <summary>Whether the failure may pass by itself and it is safe to repeat this call.</summary>
        public bool IsRetryable { get; private set; }
        /// <summary>
        /// Whether the same call would fail again no matter how network, account and platform change: for malformed EIDs and arguments,
        /// and the platform's codes for invalid requests. Unpublished codes are never final.
        /// </summary>
        public bool IsFinal { get; private set; }
        /// <summary>The EID of the call; null if the error does not concern a single card.</summary>
        public string Eid { get; private set; }
        /// <summary>
        /// The first 2 KiB of the response body, verbatim, if the response is not the platform's, such as the HTML page of a proxy;
        /// otherwise null.
        /// </summary>
        public byte[] Body { get; private set; }
        /// <summary>
        /// The response headers that help support, such as "x-request-id", by their case-insensitive names; empty when there was no
        /// response.
        /// </summary>
        public IReadOnlyDictionary<string, string> Headers { get; private set; }

        /// <summary>Frees what a C function stored in its out_err.</summary>
        internal static EiotException Take(int status, IntPtr error)
        {
            try { return new EiotException(status, error); }
            finally { Native.eiot_error_free(error); }
        }

        internal EiotException(int status, IntPtr error) : base(Native.Text(Native.eiot_error_message(error)))
        {
            Status = status;
            Code = Native.Text(Native.eiot_error_platform_code(error));
            PlatformMessage = Native.Text(Native.eiot_error_platform_message(error));
            HttpStatus = Native.eiot_error_http_status(error);
            Attempts = (int)Native.eiot_error_attempts(error);
            long retryAfterMs = Native.eiot_error_retry_after_ms(error);
            RetryAfter = retryAfterMs < 0 ? (TimeSpan?)null : TimeSpan.FromMilliseconds(retryAfterMs);
            int delivered = Native.eiot_error_delivered(error);
            Delivered = Enum.IsDefined(typeof(Delivered), delivered) ? (Delivered)delivered : Delivered.Unknown;
            IsRetryable = Native.eiot_error_is_retryable(error) != 0;
            IsFinal = Native.eiot_error_is_final(error) != 0;
            Eid = Native.Text(Native.eiot_error_eid(error));
            UIntPtr length;
            IntPtr body = Native.eiot_error_body(error, out length);
            if (body != IntPtr.Zero)
            {
                Body = new byte[(int)length];
                Marshal.Copy(body, Body, 0, Body.Length);
            }
            var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            IntPtr name;
            while ((name = Native.eiot_error_header_name(error, (UIntPtr)headers.Count)) != IntPtr.Zero)
                headers.Add(Native.Text(name), Native.Text(Native.eiot_error_header(error, name)));
            Headers = headers;
        }
    }

    /// <summary>A successful reply. After a refresh, new figures may become visible a little later.</summary>
    public sealed class Reply
    {
        /// <summary>The EID; empty for a call that does not concern a card.</summary>
        public string Eid { get; private set; }
        /// <summary>Always "200": all other codes are exceptions.</summary>
        public string Code { get; private set; }
        /// <summary>The platform's message, verbatim: show it, but do not compare it.</summary>
        public string Message { get; private set; }
        /// <summary>The reply's data as JSON text; null when there is none.</summary>
        public string DataJson { get; private set; }
        /// <summary>How many requests the call took.</summary>
        public int Attempts { get; private set; }

        internal Reply(IntPtr reply)
        {
            Eid = Native.Text(Native.eiot_reply_eid(reply));
            Code = Native.Text(Native.eiot_reply_code(reply));
            Message = Native.Text(Native.eiot_reply_message(reply));
            DataJson = Native.Text(Native.eiot_reply_data_json(reply));
            Attempts = (int)Native.eiot_reply_attempts(reply);
        }
    }

    /// <summary>The result of one card: either the reply or the error is set.</summary>
    public sealed class Result
    {
        /// <summary>The card's place among the EIDs, from 0.</summary>
        public long Index { get; private set; }
        /// <summary>The EID as it was given.</summary>
        public string Input { get; private set; }
        /// <summary>The EID without the whitespace around it.</summary>
        public string Eid { get; private set; }
        /// <summary>Whether the same card came shortly before: this is its result, and nothing was sent.</summary>
        public bool IsDuplicate { get; private set; }
        /// <summary>Null when the card was not refreshed.</summary>
        public Reply Reply { get; private set; }
        /// <summary>Null when it was.</summary>
        public EiotException Error { get; private set; }

        internal Result(IntPtr result)
        {
            Index = (long)Native.eiot_result_tag(result);
            Input = Native.Text(Native.eiot_result_input(result));
            Eid = Native.Text(Native.eiot_result_eid(result));
            IsDuplicate = Native.eiot_result_is_duplicate(result) != 0;
            IntPtr reply = Native.eiot_result_reply(result), error = Native.eiot_result_error(result);
            Reply = reply == IntPtr.Zero ? null : new Reply(reply);
            Error = error == IntPtr.Zero ? null : new EiotException(Native.eiot_result_status(result), error);
            Native.eiot_result_free(result);
        }
    }

    /// <summary>
    /// A client of one account. Create one and reuse it: it keeps a connection pool. Thread-safe. It is freed when it is disposed and
    /// the last call in flight has completed.
    /// </summary>
    public sealed class Client : IDisposable
    {
        private readonly ClientHandle handle;
        // The handle stays open while a call is in flight, and busy threads could keep it open forever.
        private volatile bool disposed;

        /// <summary>Throws <see cref="EiotException"/> of the kind Config, which names the option. Sends nothing.</summary>
        public Client(Options options) : this(options, Native.eiot_config_new, null) { }

        /// <summary>Creates a client from the environment: EIOT_APPKEY, EIOT_SECRET and so on. Options override the environment.</summary>
        public static Client FromEnvironment(Options options = null) { return new Client(options ?? new Options(), Native.eiot_config_from_env, null); }

        /// <summary>
        /// A client with these options and otherwise those of this one, with which it shares connections and rate: for calls that need
        /// another timeout, for example. Dispose of it as well; this one can be disposed of before.
        /// </summary>
        public Client WithOptions(Options options)
        {
            ThrowIfDisposed();
            return new Client(options, (out IntPtr config, out IntPtr error) => Native.eiot_config_from_client(handle, out config, out error), handle);
        }

        /// <summary>
        /// The counters of this client and of those that share its connections, as a JSON object: calls, attempts, errors by kind, retries,
        /// waits. docs/statistics.md of eiot describes its members.
        /// </summary>
        public string StatsJson
        {
            get
            {
                ThrowIfDisposed();
                for (int size = 2048; ;)
                {
                    var room = new byte[size];
                    int length = (int)Native.eiot_client_stats_json(handle, room, (UIntPtr)size);
                    if (length < size) return Encoding.UTF8.GetString(room, 0, length);
                    size = length + 1024;
                }
            }
        }

        private delegate int MakeConfig(out IntPtr config, out IntPtr error);

        private Client(Options options, MakeConfig make, ClientHandle parent)
        {
            if (options == null) throw new ArgumentNullException("options");
            CallbackFunction log = options.Log == null ? null : Native.Logging(options.Log, Native.Text);
            CallbackFunction events = options.Events == null ? null : Native.Logging(options.Events, told => Native.Text(Native.eiot_event_json(told)));
            IntPtr config, error, client;
            Native.Check(make(out config, out error), error);
            try
            {
                foreach (var option in options.Texts())
                {
                    if (option.Value == null) continue;
                    byte[] name = Native.Utf8(option.Key), value = Native.Utf8(option.Value);
                    Native.Check(Native.eiot_config_set_option(config, name, Native.Length(name), value, Native.Length(value), out error), error);
                }
                if (log != null) Native.Check(Native.eiot_config_set_log(config, log, IntPtr.Zero, out error), error);
                if (events != null) Native.Check(Native.eiot_config_set_event_callback(config, events, IntPtr.Zero, out error), error);
                int status = parent != null
                    ? Native.eiot_client_with_options(parent, config, out client, out error)
                    : Native.eiot_client_new(config, out client, out error);
                Native.Check(status, error);
            }
            finally
            {
                Native.eiot_config_free(config);
            }
            handle = new ClientHandle(client, new object[] { log, events, parent == null ? null : parent.Callbacks });
        }

        /// <summary>Refreshes the package usage of one card and waits for the reply.</summary>
        /// <param name="eid">The card: 1 to 32 digits; surrounding whitespace is ignored.</param>
        /// <param name="cancellation">Cancels the call: OperationCanceledException, with the outcome as its inner exception.</param>
        public Reply RefreshUsage(string eid, CancellationToken cancellation = default(CancellationToken))
        {
            byte[] text = Native.Utf8(eid);
            return Ask(cancellation, (CancelHandle cancel, out IntPtr reply, out IntPtr error) =>
                Native.eiot_client_refresh_usage_with_cancel(handle, text, Native.Length(text), cancel, out reply, out error));
        }

        /// <summary>Makes any other signed API call, such as /api/v3/cloudesim/get.</summary>
        /// <param name="path">The path of the call.</param>
        /// <param name="parametersJson">The text of a JSON object.</param>
        /// <param name="idempotent">The call is idempotent: retry it if its reply is lost.</param>
        /// <param name="cancellation">Cancels the call.</param>
        public Reply Call(string path, string parametersJson, bool idempotent = false, CancellationToken cancellation = default(CancellationToken))
        {
            byte[] place = Native.Utf8(path), json = Native.Utf8(parametersJson);
            return Ask(cancellation, (CancelHandle cancel, out IntPtr reply, out IntPtr error) => Native.eiot_client_call(
                handle, place, Native.Length(place), json, Native.Length(json), idempotent ? 1 : 0, cancel, out reply, out error));
        }

        /// <summary>
        /// <see cref="RefreshUsage"/> as a task. Up to 32 calls run at once, each on a thread of its own; others wait, and a call's timeout
        /// begins when it has a thread. For many cards, use <see cref="RefreshMany"/>, which needs one thread.
        /// </summary>
        public Task<Reply> RefreshUsageAsync(string eid, CancellationToken cancellation = default(CancellationToken))
        {
            return Async(() => RefreshUsage(eid, cancellation), cancellation);
        }

        /// <summary><see cref="Call"/> as a task, like <see cref="RefreshUsageAsync"/>.</summary>
        public Task<Reply> CallAsync(string path, string parametersJson, bool idempotent = false, CancellationToken cancellation = default(CancellationToken))
        {
            return Async(() => Call(path, parametersJson, idempotent, cancellation), cancellation);
        }

        private static readonly SemaphoreSlim Slots = new SemaphoreSlim(32);

        private static async Task<Reply> Async(Func<Reply> call, CancellationToken cancellation)
        {
            await Slots.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                // Not on the thread pool, whose threads are few and not for waiting. Without the token, which would replace the exception.
                var options = TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach;
                return await Task.Factory.StartNew(call, CancellationToken.None, options, TaskScheduler.Default).ConfigureAwait(false);
            }
            finally
            {
                Slots.Release();
            }
        }

        /// <summary>
        /// Refreshes many cards, up to <paramref name="concurrency"/> (0: 32) at once, on the thread that asks for the next result. Each card
        /// comes back exactly once, duplicates with the result of the first.
        /// Memory use depends on the concurrency, not on the number of cards. Leaving the loop cancels calls in flight.
        /// A batch that cannot succeed stops itself: after <see cref="Options.MaxAuthFailures"/> consecutive authentication failures,
        /// or when the platform was unreachable for <see cref="Options.OutageTimeout"/>. All remaining cards then come back with
        /// an error of the cause's kind, Attempts 0 and Delivered.No, which says why they were not sent. During an outage it holds its
        /// cards back, and resumes when the platform responds.
        /// </summary>
        /// <param name="eids">Read when the batch has room.</param>
        /// <param name="concurrency">1 to 1024 calls in flight; 0 is 32.</param>
        /// <param name="cancellation">Cancels the batch: calls in flight come back as errors of the kind Cancelled, and cards that
        /// were not read from <paramref name="eids"/> are left there.</param>
        public IEnumerable<Result> RefreshMany(IEnumerable<string> eids, int concurrency = 0, CancellationToken cancellation = default(CancellationToken))
        {
            if (eids == null) throw new ArgumentNullException("eids");
            ThrowIfDisposed();
            return Many(eids, concurrency, cancellation);
        }

        private IEnumerable<Result> Many(IEnumerable<string> eids, int concurrency, CancellationToken cancellation)
        {
            using (var cancel = CancelHandle.Make())
            using (cancellation.Register(cancel.Trigger))
            using (var batch = BatchHandle.Make(handle, concurrency, cancel))
            using (var source = eids.GetEnumerator())
            {
                IntPtr result, error;
                ulong count = 0;
                for (bool ended = false; ;)
                {
                    while (!ended && Native.eiot_batch_has_room(batch) != 0)
                    {
                        ended = !source.MoveNext();
                        if (ended) break;
                        byte[] eid = Native.Utf8(source.Current);
                        Native.Check(Native.eiot_batch_push(batch, eid, Native.Length(eid), count++, out error), error);
                    }
                    Native.Check(Native.eiot_batch_next(batch, Native.Forever, out result, out error), error);
                    if (result == IntPtr.Zero) yield break;
                    yield return new Result(result);
                }
            }
        }

        /// <summary>Closes the connections, once the calls in flight have completed. Later calls fail.</summary>
        public void Dispose()
        {
            disposed = true;
            handle.Dispose();
        }

        private void ThrowIfDisposed()
        {
            if (disposed) throw new ObjectDisposedException(GetType().FullName);
        }

        private delegate int Asked(CancelHandle cancel, out IntPtr reply, out IntPtr error);

        private Reply Ask(CancellationToken cancellation, Asked ask)
        {
            ThrowIfDisposed();
            IntPtr reply, error;
            using (var cancel = CancelHandle.Make())
            using (cancellation.Register(cancel.Trigger))
            {
                int status = ask(cancel, out reply, out error);
                if (status == (int)Kind.Cancelled && cancellation.IsCancellationRequested)
                {
                    var inner = EiotException.Take(status, error);
                    throw new OperationCanceledException(inner.Message, inner, cancellation);
                }
                Native.Check(status, error);
            }
            try { return new Reply(reply); }
            finally { Native.eiot_reply_free(reply); }
        }
    }

    /// <summary>Functions that need no client.</summary>
    public static class Library
    {
        /// <summary>The version of the library.</summary>
        public static string Version { get { return Native.Text(Native.eiot_version()); } }

        /// <summary>Refreshes one card with a process-wide client that is configured by the environment.</summary>
        public static void RefreshUsage(string eid)
        {
            IntPtr error;
            byte[] text = Native.Utf8(eid);
            Native.Check(Native.eiot_refresh_usage_n(text, Native.Length(text), out error), error);
        }

        /// <summary>
        /// Throws <see cref="EiotException"/> of the kind InvalidSignature unless the webhook's signature is valid.
        /// </summary>
        /// <param name="payload">The raw body of the HTTP request; its appkey is not covered by the signature.</param>
        /// <param name="secret">The account's secret.</param>
        /// <param name="maxAge">The maximum difference between its timestamp and this machine's clock; zero is unlimited.</param>
        /// <param name="method">The hash function of the signature.</param>
        public static void VerifyWebhook(byte[] payload, string secret, TimeSpan maxAge = default(TimeSpan), SignMethod method = SignMethod.Sha1)
        {
            if (payload == null) throw new ArgumentNullException("payload");
            IntPtr error;
            byte[] key = Native.Utf8(secret);
            // Never rounded down to "no limit".
            ulong milliseconds = maxAge == TimeSpan.Zero ? 0 : (ulong)Math.Max(1, maxAge.TotalMilliseconds);
            Native.Check(Native.eiot_webhook_verify(payload, Native.Length(payload), key, Native.Length(key), (int)method, milliseconds, out error), error);
        }

        /// <summary>Computes the platform's signature of flat parameters, upper-case hex.</summary>
        public static string Sign(IEnumerable<KeyValuePair<string, string>> parameters, string secret, SignMethod method = SignMethod.Sha1)
        {
            IntPtr error;
            byte[] key = Native.Utf8(secret), room = new byte[41];
            var pinned = new List<GCHandle>();
            Func<string, IntPtr> pin = text =>
            {
                if (text.IndexOf('\0') >= 0) throw new ArgumentException("a parameter to sign has a NUL in it, where C ends a text", "parameters");
                pinned.Add(GCHandle.Alloc(Native.Utf8(text + "\0"), GCHandleType.Pinned));
                return pinned.Last().AddrOfPinnedObject();
            };
            try
            {
                IntPtr[] names = parameters.Select(pair => pin(pair.Key)).ToArray(), values = parameters.Select(pair => pin(pair.Value)).ToArray();
                Native.Check(Native.eiot_sign(names, values, (UIntPtr)names.Length, key, Native.Length(key), (int)method, room, Native.Length(room), out error), error);
            }
            finally
            {
                pinned.ForEach(handle => handle.Free());
            }
            return Encoding.ASCII.GetString(room).TrimEnd('\0');
        }
    }

    /// <summary>eiot_log_fn and eiot_event_fn.</summary>
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate void CallbackFunction(IntPtr line, IntPtr userData);

    internal sealed class ClientHandle : SafeHandle
    {
        /// <summary>Kept alive while C may call them: while there is a client, or one of its batches or derived clients.</summary>
        internal readonly object Callbacks;

        internal ClientHandle(IntPtr client, object callbacks) : base(IntPtr.Zero, true)
        {
            Callbacks = callbacks;
            SetHandle(client);
        }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }
        protected override bool ReleaseHandle() { Native.eiot_client_free(handle); return true; }
    }

    internal sealed class CancelHandle : SafeHandle
    {
        private CancelHandle(IntPtr cancel) : base(IntPtr.Zero, true) { SetHandle(cancel); }
        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }
        protected override bool ReleaseHandle() { Native.eiot_cancel_free(handle); return true; }
        internal void Trigger() { Native.eiot_cancel_trigger(this); }

        internal static CancelHandle Make()
        {
            IntPtr cancel, error;
            Native.Check(Native.eiot_cancel_new(out cancel, out error), error);
            return new CancelHandle(cancel);
        }
    }

    internal sealed class BatchHandle : SafeHandle
    {
        private readonly object callbacks;
        private readonly CancelHandle cancel;

        private BatchHandle(IntPtr batch, object callbacks, CancelHandle cancel) : base(IntPtr.Zero, true)
        {
            this.callbacks = callbacks;
            this.cancel = cancel;
            SetHandle(batch);
        }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }

        protected override bool ReleaseHandle()
        {
            Native.eiot_batch_free(handle);
            cancel.DangerousRelease();
            GC.KeepAlive(callbacks);
            return true;
        }

        internal static BatchHandle Make(ClientHandle client, int concurrency, CancelHandle cancel)
        {
            IntPtr batch, error;
            Native.Check(Native.eiot_batch_new(client, (uint)concurrency, cancel, out batch, out error), error);
            // Finalizers run in any order, and the batch needs it until it is freed.
            bool added = false;
            cancel.DangerousAddRef(ref added);
            return new BatchHandle(batch, client.Callbacks, cancel);
        }
    }

    /// <summary>The functions of eiot.h. The runtime throws ObjectDisposedException for a closed handle.</summary>
    internal static class Native
    {
#if NETFRAMEWORK || NETCOREAPP || WINDOWS
        // Windows finds eiot.dll by this name; .NET on other systems is told below.
        private const string Name = "eiot";
#else
        private const string Name = "libeiot.so.0.1";
#endif

        static Native()
        {
#if NETCOREAPP
            NativeLibrary.SetDllImportResolver(typeof(Native).Assembly, (name, assembly, path) =>
            {
                var file = RuntimeInformation.IsOSPlatform(OSPlatform.Linux) ? "libeiot.so.0.1" : "libeiot.0.1.dylib";
                bool isOurs = name == Name && !RuntimeInformation.IsOSPlatform(OSPlatform.Windows);
                return isOurs ? NativeLibrary.Load(file, assembly, path) : IntPtr.Zero;
            });
#endif
            try
            {
                eiot_version();
            }
            catch (DllNotFoundException cause)
            {
                const string remedy = "install libeiot and run ldconfig, set LD_LIBRARY_PATH to its directory, or copy it beside the program";
                throw new DllNotFoundException("cannot load " + Name + ": " + remedy + " (" + cause.Message + ")", cause);
            }
        }

        internal static void Check(int status, IntPtr error)
        {
            if (status != 0) throw EiotException.Take(status, error);
        }

        /// <summary>UTF-8 by hand: not every runtime can marshal it.</summary>
        internal static byte[] Utf8(string text)
        {
            if (text == null) throw new ArgumentNullException("text");
            return Encoding.UTF8.GetBytes(text);
        }

        /// <summary>How long to wait for the next result.</summary>
        internal const long Forever = -1;

        internal static CallbackFunction Logging(Action<string> log, Func<IntPtr, string> text)
        {
            return (told, userData) =>
            {
                try { log(text(told)); }
                catch (Exception) { /* Nothing may be thrown through C, and the call is not to fail for it. */ }
            };
        }

        internal static UIntPtr Length(byte[] bytes) { return (UIntPtr)bytes.Length; }

        internal static string Text(IntPtr text)
        {
            if (text == IntPtr.Zero) return null;
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0) length++;
            var bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }

        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_version();
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_status_kind(int status);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_error_message(IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_error_eid(IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_error_platform_code(IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_error_platform_message(IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_error_http_status(IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern uint eiot_error_attempts(IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern long eiot_error_retry_after_ms(IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_error_delivered(IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_error_is_final(IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_error_is_retryable(IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_error_body(IntPtr error, out UIntPtr length);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_error_header(IntPtr error, IntPtr name);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_error_header_name(IntPtr error, UIntPtr index);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern void eiot_error_free(IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_reply_eid(IntPtr reply);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_reply_code(IntPtr reply);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_reply_message(IntPtr reply);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_reply_data_json(IntPtr reply);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern uint eiot_reply_attempts(IntPtr reply);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern void eiot_reply_free(IntPtr reply);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_config_new(out IntPtr config, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_config_from_env(out IntPtr config, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_config_set_option(IntPtr config, byte[] name, UIntPtr nameLength, byte[] value, UIntPtr valueLength, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_config_set_log(IntPtr config, CallbackFunction log, IntPtr userData, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_config_set_event_callback(IntPtr config, CallbackFunction events, IntPtr userData, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_event_json(IntPtr told);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_config_from_client(ClientHandle client, out IntPtr config, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern void eiot_config_free(IntPtr config);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_client_new(IntPtr config, out IntPtr client, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_client_with_options(ClientHandle client, IntPtr config, out IntPtr derived, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern UIntPtr eiot_client_stats_json(ClientHandle client, byte[] buffer, UIntPtr size);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_client_refresh_usage_with_cancel(ClientHandle client, byte[] eid, UIntPtr length, CancelHandle cancel, out IntPtr reply, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_client_call(ClientHandle client, byte[] path, UIntPtr pathLength, byte[] parameters, UIntPtr parametersLength, int idempotent, CancelHandle cancel, out IntPtr reply, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern void eiot_client_free(IntPtr client);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_refresh_usage_n(byte[] eid, UIntPtr length, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_cancel_new(out IntPtr cancel, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern void eiot_cancel_trigger(CancelHandle cancel);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern void eiot_cancel_free(IntPtr cancel);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_batch_new(ClientHandle client, uint concurrency, CancelHandle cancel, out IntPtr batch, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_batch_has_room(BatchHandle batch);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_batch_push(BatchHandle batch, byte[] eid, UIntPtr length, ulong tag, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_batch_next(BatchHandle batch, long timeoutMs, out IntPtr result, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern ulong eiot_result_tag(IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_result_status(IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_result_input(IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_result_eid(IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_result_is_duplicate(IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_result_reply(IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern IntPtr eiot_result_error(IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern void eiot_result_free(IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern void eiot_batch_free(IntPtr batch);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_webhook_verify(byte[] payload, UIntPtr payloadLength, byte[] secret, UIntPtr secretLength, int method, ulong maxAgeMs, out IntPtr error);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)] internal static extern int eiot_sign(IntPtr[] names, IntPtr[] values, UIntPtr count, byte[] secret, UIntPtr secretLength, int method, byte[] sign, UIntPtr size, out IntPtr error);
    }
}
