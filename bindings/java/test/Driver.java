import club.eiot.Eiot;
import club.eiot.Eiot.EiotException;
import club.eiot.Eiot.Kind;
import club.eiot.Eiot.SignMethod;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Drives the Java wrapper for tests/test_bindings.py, which says what the arguments are. */
public final class Driver {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private static final List<String> VERBS =
            List.of("batch", "call", "derived", "stats", "events", "verify", "sign", "statuses", "options", "threads", "closed", "shown", "cancelled");

    private Driver() {}

    public static void main(String[] arguments) throws Exception {
        List<String> words = new ArrayList<>(Arrays.asList(arguments));
        String verb = !words.isEmpty() && VERBS.contains(words.get(0)) ? words.remove(0) : "refresh";
        int cut = words.contains("--") ? words.indexOf("--") : words.size();
        List<String> options = words.subList(0, cut);
        List<String> rest = words.subList(Math.min(cut + 1, words.size()), words.size());
        try {
            switch (verb) {
                case "verify":
                    Eiot.verifyWebhook(rest.get(0).getBytes(StandardCharsets.UTF_8), rest.get(1), method(rest.get(2)),
                            Duration.ofMillis(Long.parseLong(rest.get(3))));
                    print("ok", true, "status", 0);
                    return;
                case "sign":
                    Map<String, String> parameters = new LinkedHashMap<>();
                    for (String word : rest.subList(2, rest.size())) {
                        parameters.put(word.substring(0, word.indexOf('=')), word.substring(word.indexOf('=') + 1));
                    }
                    print("sign", Eiot.sign(parameters, rest.get(0), method(rest.get(1))));
                    return;
                case "statuses":
                    print("status", 0, "kind", "ok");
                    for (Kind kind : Kind.values()) {
                        if (kind != Kind.UNKNOWN) {
                            print("status", kind.status(), "kind", kind.name().toLowerCase(Locale.ROOT));
                        }
                    }
                    return;
                case "options":
                    print("options", "any");
                    return;
                default:
                    try (Eiot.Client client = options.isEmpty() ? Eiot.fromEnvironment() : client(options)) {
                        run(verb, client, rest);
                    }
            }
        } catch (EiotException error) {
            print(error);
        }
    }

    private static void run(String verb, Eiot.Client client, List<String> rest) throws Exception {
        switch (verb) {
            case "refresh":
                for (String eid : rest) {
                    outcome(() -> client.refreshUsage(eid));
                }
                return;
            case "batch":
                try (Eiot.Results results = client.refreshMany(rest, 8, null)) {
                    results.forEach(Driver::outcome);
                }
                return;
            case "derived":
                try (Eiot.Client derived = client.withOptions().set(rest.get(0), rest.get(1)).open()) {
                    for (String eid : rest.subList(2, rest.size())) {
                        outcome(() -> derived.refreshUsage(eid));
                    }
                }
                for (String eid : rest.subList(2, rest.size())) {
                    outcome(() -> client.refreshUsage(eid));
                }
                return;
            case "stats":
                for (String eid : rest) {
                    outcome(() -> client.refreshUsage(eid));
                }
                OUT.println("{\"stats\": " + client.statsJson() + "}");
                return;
            case "events":
                try (Eiot.Client watched = client.withOptions().events(event -> OUT.println("{\"event\": " + event + "}")).open()) {
                    for (String eid : rest) {
                        outcome(() -> watched.refreshUsage(eid));
                    }
                }
                return;
            case "call":
                outcome(() -> rest.size() > 2 ? client.call(rest.get(0), rest.get(1), true, null) : client.call(rest.get(0), rest.get(1)));
                return;
            case "threads":
                threads(client, Integer.parseInt(rest.get(0)), Integer.parseInt(rest.get(1)), rest.get(2));
                return;
            case "shown":
                print("shown", client.toString());
                return;
            case "cancelled":
                for (String eid : rest) {
                    outcome(() -> client.refreshUsage(eid, soon()));
                }
                try (Eiot.Results results = client.refreshMany(rest, 8, soon())) {
                    results.stream().forEach(Driver::outcome);
                }
                return;
            default:
                client.close();
                client.close();
                try {
                    client.refreshUsage("1");
                } catch (IllegalStateException closed) {
                    print("ok", false, "kind", "invalid_argument", "message", closed.getMessage());
                }
        }
    }

    /** Is triggered after 200 ms. */
    private static Eiot.Cancel soon() {
        Eiot.Cancel cancel = new Eiot.Cancel();
        CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS).execute(cancel::trigger);
        return cancel;
    }

    private static void outcome(Eiot.Result result) {
        outcome(() -> {
            if (result.error() != null) {
                throw result.error();
            }
            return result.reply();
        }, "index", result.index(), "input", result.input(), "duplicate", result.isDuplicate());
    }

    private static void threads(Eiot.Client client, int count, int calls, String eid) throws InterruptedException {
        AtomicInteger succeeded = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Thread thread = new Thread(() -> {
                for (int call = 0; call < calls; call++) {
                    try {
                        client.refreshUsage(eid);
                        succeeded.incrementAndGet();
                    } catch (EiotException error) {
                        print(error);
                    }
                }
            });
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        print("ok", succeeded.get());
    }

    /** Options by their names; those of a type of their own go through their own method. */
    private static Eiot.Client client(List<String> words) throws EiotException {
        Eiot.Options options = Eiot.options();
        for (String word : words) {
            String name = word.substring(0, word.indexOf('='));
            String value = word.substring(word.indexOf('=') + 1);
            switch (name) {
                case "timeout": options.timeout(seconds(value)); break;
                case "connect_timeout": options.connectTimeout(seconds(value)); break;
                case "eid_cooldown": options.eidCooldown(seconds(value)); break;
                case "max_attempts": options.maxAttempts(Integer.parseInt(value)); break;
                case "rate_limit": options.rateLimit(Double.parseDouble(value)); break;
                case "max_auth_failures": options.maxAuthFailures(Integer.parseInt(value)); break;
                case "outage_timeout": options.outageTimeout(seconds(value)); break;
                case "strict_eid": options.strictEid(value.equals("on")); break;
                case "allow_rounded_eid": options.allowRoundedEid(value.equals("on")); break;
                case "sign_method": options.signMethod(method(value)); break;
                default: options.set(name, value);
            }
        }
        return options.open();
    }

    private static Duration seconds(String text) {
        return Duration.ofNanos(Math.round(Double.parseDouble(text) * 1e9));
    }

    private static SignMethod method(String name) {
        return SignMethod.valueOf(name.toUpperCase(Locale.ROOT));
    }

    private interface Make {
        Eiot.Reply make() throws EiotException;
    }

    private static void outcome(Make make, Object... more) {
        try {
            Eiot.Reply reply = make.make();
            print(more, "ok", true, "status", 0, "eid", reply.eid(), "code", reply.code(), "message", reply.message(),
                    "data_json", reply.dataJson(), "attempts", reply.attempts());
        } catch (EiotException error) {
            print(error, more);
        }
    }

    private static void print(EiotException error, Object... more) {
        String kind = error.kind().name().toLowerCase(Locale.ROOT);
        if (!kind.equals(error.kindName())) {
            throw new AssertionError(kind + " is not " + error.kindName());
        }
        print(more, "ok", false, "retryable", error.isRetryable(), "status", error.status(), "kind", kind, "message", error.getMessage(), "eid", error.eid(),
                "code", error.code(), "platform_message", error.platformMessage(), "http_status", error.httpStatus(),
                "attempts", error.attempts(), "retry_after_ms", error.retryAfterMs().orElse(-1),
                "delivered", error.delivered().ordinal(), "final", error.isFinal(),
                "body", error.body() == null ? null : new String(error.body(), StandardCharsets.UTF_8), "headers", error.headers());
    }

    private static void print(Object[] more, Object... fields) {
        Object[] all = Arrays.copyOf(more, more.length + fields.length);
        System.arraycopy(fields, 0, all, more.length, fields.length);
        print(all);
    }

    /** One line of JSON; names and values alternate. */
    private static synchronized void print(Object... fields) {
        StringBuilder line = new StringBuilder("{");
        for (int i = 0; i < fields.length; i += 2) {
            line.append(i > 0 ? ", " : "").append(json(fields[i])).append(": ").append(json(fields[i + 1]));
        }
        OUT.println(line.append('}'));
    }

    private static String json(Object value) {
        if (value instanceof Map) {
            List<String> pairs = new ArrayList<>();
            ((Map<?, ?>) value).forEach((name, text) -> pairs.add(json(name) + ": " + json(text)));
            return "{" + String.join(", ", pairs) + "}";
        }
        if (!(value instanceof String)) {
            return String.valueOf(value);
        }
        StringBuilder text = new StringBuilder("\"");
        for (char c : ((String) value).toCharArray()) {
            text.append(c == '"' || c == '\\' ? "\\" + c : c < ' ' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
        }
        return text.append('"').toString();
    }
}
