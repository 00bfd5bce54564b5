package club.eiot;

import com.sun.jna.Callback;
import com.sun.jna.IntegerType;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * Refreshes the package usage of EIOTCLUB cloud eSIM cards: a thin wrapper around {@code libeiot}.
 *
 * <pre>{@code
 * try (Eiot.Client client = Eiot.options().appkey("my-appkey").secret("my-secret").open()) {
 *     System.out.println(client.refreshUsage("89044011112233441122334411223321").message());
 * } catch (Eiot.EiotException error) {
 *     System.err.println(error.getMessage());
 * }
 * }</pre>
 *
 * The library is looked for where JNA looks: {@code jna.library.path}, and where the system's loader does. The environment
 * variable {@code EIOT_LIBRARY} names another file.
 */
public final class Eiot {
    private Eiot() {}

    /** The kind of an error. The names are the same in every language; the numbers are the statuses of the C library. */
    public enum Kind {
        INVALID_ARGUMENT(1), INVALID_EID(2), CONFIG(3), CONNECT(20), TLS(21), TIMEOUT(22), CONNECTION_LOST(23),
        CANCELLED(24), AUTH(40), RATE_LIMITED(41), COOLDOWN(42), PLATFORM(43), HTTP(44), PROTOCOL(45), UNAVAILABLE(46),
        INVALID_SIGNATURE(60), INTERNAL(99),
        /** A kind of a newer library that this version does not know. */
        UNKNOWN(-1);

        private final int status;

        Kind(int status) {
            this.status = status;
        }

        /** The number that C functions return. */
        public int status() {
            return status;
        }

        private static Kind of(int status) {
            for (Kind kind : values()) {
                if (kind.status == status) {
                    return kind;
                }
            }
            return UNKNOWN;
        }
    }

    /** Whether the platform received the request. Check this before you repeat a call. */
    public enum Delivered {
        /** Nothing was sent: repeating the call is safe. */
        NO,
        /** It did, and responded. */
        YES,
        /** It may have: the request was sent, and no response arrived. */
        UNKNOWN;

        /** The word that every language has for it, such as {@code "yes"}. */
        @Override
        public String toString() {
            return text(C.eiot_delivered_name(ordinal()));
        }
    }

    /** The hash function of the signature. */
    public enum SignMethod {
        /** The default, documented by the platform. */
        SHA1(1),
        /** For gateways that require it. */
        MD5(2);

        private final int number;

        SignMethod(int number) {
            this.number = number;
        }
    }

    /** Options of the command's names, none of them set: see {@link Options}. */
    public static Options options() {
        return new Options(false, null);
    }

    /** A client that the environment configures: {@code EIOT_APPKEY}, {@code EIOT_SECRET}, and so on. */
    public static Client fromEnvironment() throws EiotException {
        return new Options(true, null).open();
    }

    /** Refreshes one card with a process-wide client that is configured by the environment. */
    public static void refreshUsage(String eid) throws EiotException {
        Text text = new Text(eid);
        PointerByReference error = new PointerByReference();
        check(C.eiot_refresh_usage_n(text.bytes, text.length, error), error);
    }

    /**
     * Verifies the signature of a webhook. Thread-safe.
     *
     * @param payload the raw body of the HTTP request; its appkey is not covered by the signature
     * @param maxAge the maximum difference between its timestamp and this machine's clock; {@link Duration#ZERO} is unlimited
     * @throws EiotException of the kind {@link Kind#INVALID_SIGNATURE}, which says why
     */
    public static void verifyWebhook(byte[] payload, String secret, SignMethod method, Duration maxAge)
            throws EiotException {
        Text key = new Text(secret);
        PointerByReference error = new PointerByReference();
        // An empty array is no pointer for JNA.
        byte[] body = payload.length == 0 ? new byte[1] : payload;
        check(C.eiot_webhook_verify(body, new Size(payload.length), key.bytes, key.length, method.number,
                milliseconds(maxAge), error), error);
    }

    /** Computes the platform's signature of flat parameters, upper-case hex. */
    public static String sign(Map<String, String> parameters, String secret, SignMethod method) throws EiotException {
        Text key = new Text(secret);
        byte[] room = new byte[41];
        PointerByReference error = new PointerByReference();
        try (Strings names = new Strings(parameters.keySet()); Strings values = new Strings(parameters.values())) {
            check(C.eiot_sign(names.array, values.array, new Size(parameters.size()), key.bytes, key.length,
                    method.number, room, new Size(room.length), error), error);
        }
        return Native.toString(room, "US-ASCII");
    }

    /** The version of the library. */
    public static String version() {
        return text(C.eiot_version());
    }

    /** Builds a client. What is not set has its default; {@code eiot refresh --help} explains each option. */
    public static final class Options {
        private final boolean fromEnvironment;
        /** Null unless the client is derived from it. */
        private final Client parent;
        private final Map<String, String> given = new LinkedHashMap<>();
        private LogFunction log;
        private EventFunction events;

        private Options(boolean fromEnvironment, Client parent) {
            this.fromEnvironment = fromEnvironment;
            this.parent = parent;
        }

        /** Identifies the account's application. Required. */
        public Options appkey(String value) { return set("appkey", value); }
        /** Signs each request and is never sent. Required, here or by {@link #secretFile}. */
        public Options secret(String value) { return set("secret", value); }
        /** The path of a file that contains the secret and nothing else. */
        public Options secretFile(String path) { return set("secret_file", path); }
        /** The base URL of the platform. */
        public Options baseUrl(String value) { return set("base_url", value); }
        /** Allows plain http to any address; appkey and signature are then sent unencrypted. */
        public Options allowHttp(boolean allow) { return set("allow_http", allow); }
        /** The timeout of a whole call, including all attempts and waits. */
        public Options timeout(Duration value) { return set("timeout", value); }
        /** The timeout of establishing a connection. */
        public Options connectTimeout(Duration value) { return set("connect_timeout", value); }
        /** The maximum number of requests per call: the first one, and retries. */
        public Options maxAttempts(int count) { return set("max_attempts", String.valueOf(count)); }
        /** The account's rate limit in calls per second; 0 is unlimited. */
        public Options rateLimit(double callsPerSecond) { return set("rate_limit", String.valueOf(callsPerSecond)); }
        /** Which clients share the rate limit: {@code "process"}, or {@code "host"} for all processes of this machine. */
        public Options rateScope(String scope) { return set("rate_scope", scope); }

        /** The directory of the shared rate file, for several users or containers. */
        public Options rateDir(String path) { return set("rate_dir", path); }
        /** Which part of that rate is this client's, for fleets: {@code which} from 1 to {@code of}. */
        public Options rateShare(int which, int of) { return set("rate_share", which + "/" + of); }
        /** Whether to wait for the rate limiter or fail immediately. */
        public Options rateWait(boolean wait) { return set("rate_wait", wait); }
        /** The cooldown per card: refreshing it again sooner fails; zero is off. */
        public Options eidCooldown(Duration value) { return set("eid_cooldown", value); }
        /** Corrects timestamps by the clock offset measured from the platform's replies. */
        public Options clockSkew(boolean correct) { return set("clock_skew", correct); }
        /**
         * The meaning of platform error codes: {@code "CODE=KIND,CODE=KIND"}, with the kinds auth, rate_limited, cooldown,
         * unavailable, platform, final and retry. Takes precedence over the published codes.
         */
        public Options errorCodes(String value) { return set("error_codes", value); }
        /** A batch stops after this many consecutive authentication failures; 0 disables this. */
        public Options maxAuthFailures(int count) { return set("max_auth_failures", String.valueOf(count)); }
        /** How long a batch holds its cards back while the platform is unreachable; zero disables holding. */
        public Options outageTimeout(Duration value) { return set("outage_timeout", value); }
        /** Accepts only GSMA EIDs: 32 digits with a valid checksum. */
        public Options strictEid(boolean strict) { return set("strict_eid", strict); }
        /** Accepts EIDs that a spreadsheet or a JSON number seems to have rounded. */
        public Options allowRoundedEid(boolean allow) { return set("allow_rounded_eid", allow); }
        /** The hash function of the signature. */
        public Options signMethod(SignMethod method) { return set("sign_method", method == SignMethod.MD5 ? "md5" : "sha1"); }
        /** A PEM file of CA certificates to trust instead of the system's. */
        public Options caFile(String path) { return set("ca_file", path); }
        /** A PEM file with the client certificate and its chain, for mutual TLS. Requires {@link #clientKeyFile}. */
        public Options clientCertFile(String path) { return set("client_cert_file", path); }
        /** The PEM file with the private key of the client certificate, without a passphrase. */
        public Options clientKeyFile(String path) { return set("client_key_file", path); }
        /**
         * A proxy, {@code http://[user:password@]host:port}; the scheme can also be {@code https}, {@code socks5} or
         * {@code socks5h}. {@code "env"} reads the environment.
         */
        public Options proxy(String url) { return set("proxy", url); }
        /** The local IP address to connect from. */
        public Options sourceAddress(String address) { return set("source_address", address); }

        /** Names your program in the User-Agent header, for example {@code billing/2.3}. */
        public Options userAgentSuffix(String suffix) { return set("user_agent_suffix", suffix); }

        /**
         * A log callback. It receives one line per attempt, and when a batch holds its cards back, resumes or stops itself;
         * without secret or signature. It runs on the thread that makes the call, so on several at once if they share the
         * client. Exceptions that it throws go to JNA's callback exception handler, and the call continues.
         */
        public Options log(Consumer<String> log) {
            Objects.requireNonNull(log, "log");
            this.log = (line, userData) -> log.accept(text(line));
            return this;
        }

        /**
         * A callback for each attempt and each local refusal, as the text of a JSON object; docs/statistics.md of eiot describes its members.
         * It is called as the function of {@link #log} is.
         */
        public Options events(Consumer<String> events) {
            Objects.requireNonNull(events, "events");
            this.events = (event, userData) -> events.accept(text(C.eiot_event_json(event)));
            return this;
        }

        private Options set(String name, boolean value) { return set(name, value ? "on" : "off"); }

        private Options set(String name, Duration value) {
            return set(name, BigDecimal.valueOf(value.getSeconds()).add(BigDecimal.valueOf(value.getNano(), 9)).toPlainString());
        }

        /** Any option by the name that the command has for it, from text as the environment has it. */
        public Options set(String name, String value) {
            given.put(name, Objects.requireNonNull(value, name));
            return this;
        }

        /**
         * Makes the client; nothing is sent yet.
         *
         * @throws EiotException of the kind {@link Kind#CONFIG}, which names the option
         */
        public Client open() throws EiotException {
            if (parent == null) {
                return open(null, Callbacks.NONE);
            }
            Pointer client = parent.handle.use();
            try {
                return open(client, parent.callbacks);
            } finally {
                parent.handle.done();
            }
        }

        private Client open(Pointer derivedFrom, Callbacks inherited) throws EiotException {
            PointerByReference made = new PointerByReference();
            PointerByReference error = new PointerByReference();
            check(derivedFrom != null ? C.eiot_config_from_client(derivedFrom, made, error)
                    : fromEnvironment ? C.eiot_config_from_env(made, error) : C.eiot_config_new(made, error), error);
            Pointer config = made.getValue();
            try {
                for (Map.Entry<String, String> option : given.entrySet()) {
                    Text name = new Text(option.getKey());
                    Text value = new Text(option.getValue());
                    check(C.eiot_config_set_option(config, name.bytes, name.length, value.bytes, value.length, error), error);
                }
                if (log != null) {
                    check(C.eiot_config_set_log(config, log, null, error), error);
                }
                if (events != null) {
                    check(C.eiot_config_set_event_callback(config, events, null, error), error);
                }
                PointerByReference client = new PointerByReference();
                check(derivedFrom != null ? C.eiot_client_with_options(derivedFrom, config, client, error)
                        : C.eiot_client_new(config, client, error), error);
                return new Client(client.getValue(), new Callbacks(log, events, inherited));
            } finally {
                C.eiot_config_free(config);
            }
        }
    }

    /**
     * A cancellation token. Shared by any number of calls; cannot be reset. Calls check it every 50 ms while waiting, and then
     * fail with {@link Kind#CANCELLED}. Thread-safe. Needs no closing.
     */
    public static final class Cancel {
        private final Handle handle;

        /** Creates a token that is not triggered. */
        public Cancel() {
            PointerByReference made = new PointerByReference();
            if (C.eiot_cancel_new(made, null) != 0) {
                throw new IllegalStateException("libeiot gave no eiot_cancel");
            }
            handle = new Handle("cancel", made.getValue(), null, C::eiot_cancel_free);
            handle.closeWhenUnreachable(this);
        }

        /** Cancels all calls that use this token, both those in flight and future ones. */
        public void trigger() {
            C.eiot_cancel_trigger(handle.use());
            handle.done();
        }
    }

    /**
     * A client of one account. Create one and reuse it: it keeps a connection pool. Thread-safe. Each call runs on its
     * caller's thread; an interrupt does not end it, but its timeout or a {@link Cancel} does.
     */
    public static final class Client implements AutoCloseable {
        private final Handle handle;
        private final Callbacks callbacks;

        private Client(Pointer client, Callbacks callbacks) {
            this.callbacks = callbacks;
            handle = new Handle("client", client, callbacks, C::eiot_client_free);
            handle.closeWhenUnreachable(this);
        }

        /**
         * Options of a client that has these and otherwise the options of this one, with which it shares connections and rate: for calls
         * that need another timeout, for example. Close it as well; this one can be closed before.
         */
        public Options withOptions() {
            return new Options(false, this);
        }

        /**
         * The counters of this client and of those that share its connections, as a JSON object: calls, attempts, errors by kind, retries,
         * waits. docs/statistics.md of eiot describes its members.
         *
         * @throws IllegalStateException when the client is closed
         */
        public String statsJson() {
            Pointer client = handle.use();
            try {
                for (int size = 2048; ; ) {
                    byte[] room = new byte[size];
                    int length = C.eiot_client_stats_json(client, room, new Size(size)).intValue();
                    if (length < size) {
                        return new String(room, 0, length, StandardCharsets.UTF_8);
                    }
                    size = length + 1024;
                }
            } finally {
                handle.done();
            }
        }

        /**
         * Refreshes the package usage of one card and waits for the reply.
         *
         * @param eid 1 to 32 digits; surrounding whitespace is ignored
         * @throws EiotException when it was not refreshed: why, and whether the platform got the request
         * @throws IllegalStateException when the client is closed
         */
        public Reply refreshUsage(String eid) throws EiotException {
            return refreshUsage(eid, null);
        }

        /** Like {@link #refreshUsage(String)}, with a cancellation token, which may be null. */
        public Reply refreshUsage(String eid, Cancel cancel) throws EiotException {
            Text text = new Text(eid);
            return ask(cancel, (client, stop, reply, error) ->
                    C.eiot_client_refresh_usage_with_cancel(client, text.bytes, text.length, stop, reply, error));
        }

        /**
         * Refreshes one card on a daemon thread of this class: up to 32 calls run at once, others wait, and a call's timeout begins
         * when it has a thread. For many cards, use {@link #refreshMany(Iterable)}, which needs one thread.
         *
         * @return completes with the reply, or exceptionally as {@link #refreshUsage(String)} does. Cancelling it cancels the call
         */
        public CompletableFuture<Reply> refreshUsageAsync(String eid) {
            return refreshUsageAsync(eid, Threads.POOL);
        }

        /** Like {@link #refreshUsageAsync(String)}, on a thread of {@code executor}, which the call blocks. */
        public CompletableFuture<Reply> refreshUsageAsync(String eid, Executor executor) {
            return async(executor, cancel -> refreshUsage(eid, cancel));
        }

        /** Like {@link #call(String, String, boolean, Cancel)}, as {@link #refreshUsageAsync(String)} does it. */
        public CompletableFuture<Reply> callAsync(String path, String parametersJson, boolean idempotent) {
            return callAsync(path, parametersJson, idempotent, Threads.POOL);
        }

        /** Like {@link #callAsync(String, String, boolean)}, on a thread of {@code executor}, which the call blocks. */
        public CompletableFuture<Reply> callAsync(String path, String parametersJson, boolean idempotent, Executor executor) {
            return async(executor, cancel -> call(path, parametersJson, idempotent, cancel));
        }

        private static CompletableFuture<Reply> async(Executor executor, Blocking blocking) {
            Cancel cancel = new Cancel();
            CompletableFuture<Reply> future = new CompletableFuture<>();
            // However it completes, also by a timeout of the caller's: the call is over then.
            future.whenComplete((reply, failure) -> cancel.trigger());
            executor.execute(() -> {
                if (!future.isDone()) {
                    try {
                        future.complete(blocking.make(cancel));
                    } catch (Exception failure) {
                        future.completeExceptionally(failure);
                    }
                }
            });
            return future;
        }

        /** Like {@link #call(String, String, boolean, Cancel)}, not idempotent and without a cancellation token. */
        public Reply call(String path, String parametersJson) throws EiotException {
            return call(path, parametersJson, false, null);
        }

        /**
         * Makes any other signed API call, such as {@code /api/v3/cloudesim/get}.
         *
         * @param parametersJson the text of a JSON object
         * @param idempotent the call is idempotent: retry it if its reply is lost
         * @param cancel a cancellation token, or null
         * @throws IllegalStateException when the client is closed
         */
        public Reply call(String path, String parametersJson, boolean idempotent, Cancel cancel) throws EiotException {
            Text place = new Text(path);
            Text parameters = new Text(parametersJson);
            return ask(cancel, (client, stop, reply, error) -> C.eiot_client_call(client, place.bytes, place.length,
                    parameters.bytes, parameters.length, idempotent ? 1 : 0, stop, reply, error));
        }

        /** Refreshes many cards, up to 32 at once: see {@link Results}. */
        public Results refreshMany(Iterable<String> eids) throws EiotException {
            return refreshMany(eids, 0, null);
        }

        /**
         * Refreshes many cards.
         *
         * @param eids read when the batch has room, on the thread that asks for results
         * @param concurrency the maximum number of calls in flight, 1 to 1024; 0 is 32
         * @param cancel a cancellation token, or null; it leaves cards that were not read yet in {@code eids}
         * @throws IllegalStateException when the client is closed
         */
        public Results refreshMany(Iterable<String> eids, int concurrency, Cancel cancel) throws EiotException {
            Iterator<String> source = eids.iterator();
            PointerByReference batch = new PointerByReference();
            PointerByReference error = new PointerByReference();
            // The batch needs it until it is freed.
            Handle stop = cancel == null ? Handle.NONE : cancel.handle;
            Pointer stopping = stop.use();
            try {
                Pointer client = handle.use();
                try {
                    check(C.eiot_batch_new(client, concurrency, stopping, batch, error), error);
                } finally {
                    handle.done();
                }
            } catch (EiotException | RuntimeException failure) {
                stop.done();
                throw failure;
            }
            return new Results(source, new Handle("batch", batch.getValue(), callbacks, made -> {
                C.eiot_batch_free(made);
                stop.done();
            }));
        }

        private Reply ask(Cancel cancel, Call call) throws EiotException {
            PointerByReference reply = new PointerByReference();
            PointerByReference error = new PointerByReference();
            Handle stop = cancel == null ? Handle.NONE : cancel.handle;
            Pointer client = handle.use();
            try {
                Pointer stopping = stop.use();
                try {
                    check(call.make(client, stopping, reply, error), error);
                } finally {
                    stop.done();
                }
            } finally {
                handle.done();
            }
            try {
                return new Reply(reply.getValue());
            } finally {
                C.eiot_reply_free(reply.getValue());
            }
        }

        /** Later calls fail; calls in flight complete, and the last of them closes the connections. */
        @Override
        public void close() {
            handle.close();
        }
    }

    private interface Blocking {
        Reply make(Cancel cancel) throws EiotException;
    }

    /** The threads of asynchronous calls; they end after 30 idle seconds. */
    private static final class Threads {
        static final ThreadPoolExecutor POOL =
                new ThreadPoolExecutor(32, 32, 30, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), Threads::daemon);

        static {
            POOL.allowCoreThreadTimeOut(true);
        }

        private static Thread daemon(Runnable task) {
            Thread thread = new Thread(task, "eiot");
            thread.setDaemon(true);
            return thread;
        }
    }

    private interface Call {
        int make(Pointer client, Pointer cancel, PointerByReference reply, PointerByReference error);
    }

    /**
     * The results of a batch, in order of completion: each card comes back exactly once, duplicates with the result of the first. Memory use depends on the concurrency, not on the number of cards. Calls
     * make progress only while the loop waits for the next result, so process results quickly or hand them on. Can be iterated
     * once, by one thread at a time; closing it cancels calls in flight. A closed batch, or one that fails as a whole, is an
     * {@link IllegalStateException}.
     *
     * <p>A batch that cannot succeed stops itself: after {@link Options#maxAuthFailures} consecutive authentication failures, or
     * when the platform was unreachable for {@link Options#outageTimeout}. All remaining cards then come back with an error
     * of the cause's kind, attempts 0 and delivered no, which says why they were not sent. During an outage it holds its cards back,
     * and resumes when the platform responds.
     */
    public static final class Results implements Iterable<Result>, AutoCloseable {
        private final Iterator<String> eids;
        private final Handle handle;
        private long count;
        private boolean taken;

        private Results(Iterator<String> eids, Handle handle) {
            this.eids = eids;
            this.handle = handle;
            handle.closeWhenUnreachable(this);
        }

        /** @throws IllegalStateException when it was asked for before */
        @Override
        public Iterator<Result> iterator() {
            if (taken) {
                throw new IllegalStateException("the results can be gone through once");
            }
            taken = true;
            return new Iterator<Result>() {
                private Result ahead;
                private boolean over;

                @Override
                public boolean hasNext() {
                    if (ahead == null && !over) {
                        ahead = await();
                        over = ahead == null;
                    }
                    return ahead != null;
                }

                @Override
                public Result next() {
                    if (!hasNext()) {
                        throw new NoSuchElementException();
                    }
                    Result result = ahead;
                    ahead = null;
                    return result;
                }
            };
        }

        /** The same as a stream, in the order in which they come back; closing the stream closes this. */
        public Stream<Result> stream() {
            int traits = Spliterator.ORDERED | Spliterator.NONNULL;
            return StreamSupport.stream(Spliterators.spliteratorUnknownSize(iterator(), traits), false).onClose(this::close);
        }

        /** The next one, or null when all have come back. */
        private Result await() {
            PointerByReference result = new PointerByReference();
            PointerByReference error = new PointerByReference();
            Pointer batch = handle.use();
            try {
                while (C.eiot_batch_has_room(batch) != 0 && eids.hasNext()) {
                    Text eid = new Text(eids.next());
                    check(C.eiot_batch_push(batch, eid.bytes, eid.length, count++, error), error);
                }
                check(C.eiot_batch_next(batch, FOREVER, result, error), error);
            } catch (EiotException failure) {
                throw new IllegalStateException(failure.getMessage(), failure);
            } finally {
                handle.done();
            }
            if (result.getValue() == null) {
                close();
                return null;
            }
            try {
                return new Result(result.getValue());
            } finally {
                C.eiot_result_free(result.getValue());
            }
        }

        /** Cancels calls in flight. */
        @Override
        public void close() {
            handle.close();
        }
    }

    /** The result of one card of a batch: either the reply or the error is set. */
    public static final class Result {
        private final long index;
        private final String input;
        private final String eid;
        private final boolean isDuplicate;
        private final Reply reply;
        private final EiotException error;

        private Result(Pointer handle) {
            index = C.eiot_result_tag(handle);
            input = text(C.eiot_result_input(handle));
            eid = text(C.eiot_result_eid(handle));
            isDuplicate = C.eiot_result_is_duplicate(handle) != 0;
            Pointer refreshed = C.eiot_result_reply(handle);
            Pointer failed = C.eiot_result_error(handle);
            reply = refreshed == null ? null : new Reply(refreshed);
            error = failed == null ? null : new EiotException(C.eiot_result_status(handle), failed);
        }

        /** The card's place among the EIDs, from 0. */
        public long index() { return index; }
        /** The EID as it was given. */
        public String input() { return input; }
        /** The EID without the whitespace around it. */
        public String eid() { return eid; }
        /** Whether the same card came shortly before: this is its result, and nothing was sent. */
        public boolean isDuplicate() { return isDuplicate; }
        /** Null when the card was not refreshed. */
        public Reply reply() { return reply; }
        /** Null when it was. */
        public EiotException error() { return error; }
    }

    /** A successful reply. After a refresh, new figures may become visible a little later. */
    public static final class Reply {
        private final String eid;
        private final String code;
        private final String message;
        private final String dataJson;
        private final int attempts;

        private Reply(Pointer handle) {
            eid = text(C.eiot_reply_eid(handle));
            code = text(C.eiot_reply_code(handle));
            message = text(C.eiot_reply_message(handle));
            dataJson = text(C.eiot_reply_data_json(handle));
            attempts = C.eiot_reply_attempts(handle);
        }

        /** The EID; empty for a call that does not concern a card. */
        public String eid() { return eid; }
        /** Always {@code "200"}: every other code is an exception. */
        public String code() { return code; }
        /** The platform's message, verbatim: show it, but do not compare it. */
        public String message() { return message; }
        /** The reply's data as JSON text; null when there is none. */
        public String dataJson() { return dataJson; }
        /** How many requests the call took. */
        public int attempts() { return attempts; }
    }

    /** A failed call. The message says what happened, to which EID, and what to do about it. */
    public static final class EiotException extends Exception {
        private static final long serialVersionUID = 1L;

        private final int status;
        private final String code;
        private final String platformMessage;
        private final int httpStatus;
        private final int attempts;
        private final long retryAfterMs;
        private final int delivered;
        private final boolean isRetryable;
        private final boolean isFinal;
        private final String eid;
        private final byte[] body;
        private final TreeMap<String, String> headers = new TreeMap<>();

        private EiotException(int status, Pointer handle) {
            super(text(C.eiot_error_message(handle)));
            this.status = status;
            code = text(C.eiot_error_platform_code(handle));
            platformMessage = text(C.eiot_error_platform_message(handle));
            httpStatus = C.eiot_error_http_status(handle);
            attempts = C.eiot_error_attempts(handle);
            retryAfterMs = C.eiot_error_retry_after_ms(handle);
            delivered = C.eiot_error_delivered(handle);
            isRetryable = C.eiot_error_is_retryable(handle) != 0;
            isFinal = C.eiot_error_is_final(handle) != 0;
            eid = text(C.eiot_error_eid(handle));
            // A size_t is as wide as a pointer.
            PointerByReference length = new PointerByReference();
            Pointer bytes = C.eiot_error_body(handle, length);
            body = bytes == null ? null : bytes.getByteArray(0, (int) Pointer.nativeValue(length.getValue()));
            for (Pointer name; (name = C.eiot_error_header_name(handle, new Size(headers.size()))) != null; ) {
                headers.put(text(name), text(C.eiot_error_header(handle, name)));
            }
        }

        /** The error kind. */
        public Kind kind() { return Kind.of(status); }
        /** Its number in C, also where {@link #kind} is unknown. */
        public int status() { return status; }
        /** The error kind, the same in every language, such as {@code "timeout"}. */
        public String kindName() { return text(C.eiot_status_kind(status)); }
        /** The platform's error code, verbatim; null if it sent none. */
        public String code() { return code; }
        /** The platform's error message, verbatim; null if it sent none. */
        public String platformMessage() { return platformMessage; }
        /** The HTTP status of the response, or 0 if there was none. */
        public int httpStatus() { return httpStatus; }
        /** How many requests were sent or started. */
        public int attempts() { return attempts; }
        /** How many milliseconds the platform asks to wait. */
        public OptionalLong retryAfterMs() { return retryAfterMs < 0 ? OptionalLong.empty() : OptionalLong.of(retryAfterMs); }
        /** Whether the platform received the request. */
        public Delivered delivered() { return delivered == 0 ? Delivered.NO : delivered == 1 ? Delivered.YES : Delivered.UNKNOWN; }
        /** Whether the failure may pass by itself and it is safe to repeat this call. */
        public boolean isRetryable() { return isRetryable; }
        /**
         * Whether the same call would fail again, whatever becomes of network, account and platform: malformed EIDs and
         * arguments, and the platform's codes for invalid requests. Unpublished codes are never final.
         */
        public boolean isFinal() { return isFinal; }
        /** The EID of the call; null if the error does not concern a single card. */
        public String eid() { return eid; }
        /**
         * The first 2 KiB of the response body, verbatim, if the response is not the platform's, such as the HTML page of a
         * proxy; otherwise null.
         */
        public byte[] body() { return body == null ? null : body.clone(); }
        /**
         * The response headers that help support, such as {@code x-request-id}, by their names in lower case; empty when there was
         * no response.
         */
        public Map<String, String> headers() { return Collections.unmodifiableMap(headers); }
    }

    /** How long to wait for the next result. */
    private static final long FOREVER = -1;

    private static void check(int status, PointerByReference error) throws EiotException {
        if (status != 0) {
            try {
                throw new EiotException(status, error.getValue());
            } finally {
                C.eiot_error_free(error.getValue());
            }
        }
    }

    private static String text(Pointer text) {
        return text == null ? null : text.getString(0, "UTF-8");
    }

    private static long milliseconds(Duration duration) {
        // Never rounded down to "no limit".
        return duration.isZero() ? 0 : Math.max(1, duration.toMillis());
    }

    /**
     * A C object. Freed once: when it is closed and the last call that uses it has ended, or when its owner becomes
     * unreachable; calls in flight keep it alive.
     */
    private static final class Handle {
        /** What stands for NULL. */
        static final Handle NONE = new Handle("nothing", null, null, nothing -> { });

        private final String name;
        private final Pointer pointer;
        /** What C may call until the object is freed. */
        private final Callbacks kept;
        private final Consumer<Pointer> free;
        private int users = 1;
        private boolean closed;

        private Handle(String name, Pointer pointer, Callbacks kept, Consumer<Pointer> free) {
            this.name = name;
            this.pointer = pointer;
            this.kept = kept;
            this.free = free;
        }

        private void closeWhenUnreachable(Object owner) {
            Unreachable.watch(owner, this);
        }

        /** Each use ends with {@link #done}. */
        private synchronized Pointer use() {
            if (closed) {
                throw new IllegalStateException("the " + name + " is closed");
            }
            users++;
            return pointer;
        }

        private void done() {
            synchronized (this) {
                users--;
                if (users > 0) {
                    return;
                }
            }
            free.accept(pointer);
        }

        private void close() {
            synchronized (this) {
                if (closed) {
                    return;
                }
                closed = true;
            }
            done();
        }
    }

    /** Closes the handles whose owner has become unreachable, as java.lang.ref.Cleaner does, which needs Java 9. */
    private static final class Unreachable extends PhantomReference<Object> {
        private static final ReferenceQueue<Object> QUEUE = new ReferenceQueue<>();
        /** A reference that is unreachable itself would not be enqueued. */
        private static final Set<Unreachable> WATCHED = ConcurrentHashMap.newKeySet();

        static {
            Thread thread = new Thread(Unreachable::closeThem, "eiot-cleaner");
            thread.setDaemon(true);
            thread.setContextClassLoader(null);
            thread.start();
        }

        private final Handle handle;

        private Unreachable(Object owner, Handle handle) {
            super(owner, QUEUE);
            this.handle = handle;
        }

        static void watch(Object owner, Handle handle) {
            WATCHED.add(new Unreachable(owner, handle));
        }

        private static void closeThem() {
            while (true) {
                try {
                    Unreachable found = (Unreachable) QUEUE.remove();
                    WATCHED.remove(found);
                    found.handle.close();
                } catch (InterruptedException | RuntimeException ignored) {
                    // The thread goes on for all others.
                }
            }
        }
    }

    /** The functions that C may call for a client: its own, and those of the client that it is derived from. */
    private static final class Callbacks {
        static final Callbacks NONE = new Callbacks(null, null, null);

        private final Callback[] own;
        private final Callbacks inherited;

        private Callbacks(LogFunction log, EventFunction events, Callbacks inherited) {
            own = new Callback[] {log, events};
            this.inherited = inherited;
        }
    }

    /** eiot_event_fn. */
    private interface EventFunction extends Callback {
        void invoke(Pointer event, Pointer userData);
    }

    /** eiot_log_fn. */
    private interface LogFunction extends Callback {
        void invoke(Pointer line, Pointer userData);
    }

    /** Text for C: its bytes and how many there are, so that nothing in it cuts it short. */
    private static final class Text {
        private final byte[] bytes;
        private final Size length;

        private Text(String text) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            length = new Size(utf8.length);
            // An empty array is no pointer for JNA.
            bytes = utf8.length == 0 ? new byte[1] : utf8;
        }
    }

    /** An array of C strings, which live until it is closed. */
    private static final class Strings implements AutoCloseable {
        private final List<Memory> texts = new ArrayList<>();
        private final Memory array;

        private Strings(Collection<String> given) {
            array = new Memory(Math.max(1, given.size()) * (long) Native.POINTER_SIZE);
            for (String text : given) {
                if (text.indexOf('\0') >= 0) {
                    throw new IllegalArgumentException("a parameter to sign has a NUL in it, where C ends a text");
                }
                byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
                Memory memory = new Memory(bytes.length + 1L);
                memory.clear();
                memory.write(0, bytes, 0, bytes.length);
                array.setPointer(texts.size() * (long) Native.POINTER_SIZE, memory);
                texts.add(memory);
            }
        }

        @Override
        public void close() {
            texts.clear();
        }
    }

    /** C's size_t. */
    public static final class Size extends IntegerType {
        private static final long serialVersionUID = 1L;

        /** Zero, as JNA wants to be able to make it. */
        public Size() {
            this(0);
        }

        private Size(long value) {
            super(Native.SIZE_T_SIZE, value, true);
        }
    }

    /** The functions of eiot.h, bound directly. */
    private static final class C {
        static {
            String usual = Platform.isLinux() ? "libeiot.so.0.1" : "eiot";
            String library = System.getenv().getOrDefault("EIOT_LIBRARY", usual);
            try {
                Native.register(C.class, library);
            } catch (UnsatisfiedLinkError cause) {
                throw new UnsatisfiedLinkError("cannot load " + library + ": install libeiot and run ldconfig, set LD_LIBRARY_PATH"
                        + " or -Djna.library.path to its directory, or set EIOT_LIBRARY to its path (" + cause.getMessage() + ")");
            }
        }

        static native Pointer eiot_version();
        static native Pointer eiot_status_kind(int status);
        static native Pointer eiot_delivered_name(int delivered);
        static native Pointer eiot_error_message(Pointer error);
        static native Pointer eiot_error_eid(Pointer error);
        static native Pointer eiot_error_platform_code(Pointer error);
        static native Pointer eiot_error_platform_message(Pointer error);
        static native int eiot_error_http_status(Pointer error);
        static native int eiot_error_attempts(Pointer error);
        static native long eiot_error_retry_after_ms(Pointer error);
        static native int eiot_error_delivered(Pointer error);
        static native int eiot_error_is_final(Pointer error);
        static native int eiot_error_is_retryable(Pointer error);
        static native Pointer eiot_error_body(Pointer error, PointerByReference length);
        static native Pointer eiot_error_header(Pointer error, Pointer name);
        static native Pointer eiot_error_header_name(Pointer error, Size index);
        static native void eiot_error_free(Pointer error);
        static native Pointer eiot_reply_eid(Pointer reply);
        static native Pointer eiot_reply_code(Pointer reply);
        static native Pointer eiot_reply_message(Pointer reply);
        static native Pointer eiot_reply_data_json(Pointer reply);
        static native int eiot_reply_attempts(Pointer reply);
        static native void eiot_reply_free(Pointer reply);
        static native int eiot_config_new(PointerByReference config, PointerByReference error);
        static native int eiot_config_from_env(PointerByReference config, PointerByReference error);
        static native int eiot_config_set_option(Pointer config, byte[] name, Size nameLength, byte[] value, Size valueLength, PointerByReference error);
        static native int eiot_config_set_log(Pointer config, LogFunction log, Pointer userData, PointerByReference error);
        static native int eiot_config_set_event_callback(Pointer config, EventFunction events, Pointer userData, PointerByReference error);
        static native Pointer eiot_event_json(Pointer event);
        static native int eiot_config_from_client(Pointer client, PointerByReference config, PointerByReference error);
        static native void eiot_config_free(Pointer config);
        static native int eiot_client_new(Pointer config, PointerByReference client, PointerByReference error);
        static native int eiot_client_with_options(Pointer client, Pointer config, PointerByReference derived, PointerByReference error);
        static native Size eiot_client_stats_json(Pointer client, byte[] buffer, Size size);
        static native int eiot_client_refresh_usage_with_cancel(Pointer client, byte[] eid, Size length, Pointer cancel, PointerByReference reply, PointerByReference error);
        static native int eiot_client_call(Pointer client, byte[] path, Size pathLength, byte[] parameters, Size parametersLength, int idempotent, Pointer cancel, PointerByReference reply, PointerByReference error);
        static native void eiot_client_free(Pointer client);
        static native int eiot_cancel_new(PointerByReference cancel, PointerByReference error);
        static native void eiot_cancel_trigger(Pointer cancel);
        static native void eiot_cancel_free(Pointer cancel);
        static native int eiot_refresh_usage_n(byte[] eid, Size length, PointerByReference error);
        static native int eiot_batch_new(Pointer client, int concurrency, Pointer cancel, PointerByReference batch, PointerByReference error);
        static native int eiot_batch_has_room(Pointer batch);
        static native int eiot_batch_push(Pointer batch, byte[] eid, Size length, long tag, PointerByReference error);
        static native int eiot_batch_next(Pointer batch, long timeoutMs, PointerByReference result, PointerByReference error);
        static native long eiot_result_tag(Pointer result);
        static native int eiot_result_status(Pointer result);
        static native Pointer eiot_result_input(Pointer result);
        static native Pointer eiot_result_eid(Pointer result);
        static native int eiot_result_is_duplicate(Pointer result);
        static native Pointer eiot_result_reply(Pointer result);
        static native Pointer eiot_result_error(Pointer result);
        static native void eiot_result_free(Pointer result);
        static native void eiot_batch_free(Pointer batch);
        static native int eiot_webhook_verify(byte[] payload, Size payloadLength, byte[] secret, Size secretLength, int method, long maxAgeMs, PointerByReference error);
        static native int eiot_sign(Pointer names, Pointer values, Size count, byte[] secret, Size secretLength, int method, byte[] sign, Size size, PointerByReference error);
    }
}
