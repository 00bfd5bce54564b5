import club.eiot.Eiot;
import club.eiot.Eiot.Cancel;
import club.eiot.Eiot.Client;
import club.eiot.Eiot.Delivered;
import club.eiot.Eiot.EiotException;
import club.eiot.Eiot.Kind;
import club.eiot.Eiot.Options;
import club.eiot.Eiot.Reply;
import club.eiot.Eiot.Result;
import club.eiot.Eiot.Results;
import club.eiot.Eiot.SignMethod;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Tests specific to Java: close and garbage collection while calls are in flight, callbacks, locales. Needs EIOT_SIM. */
public final class Lifetimes {
    private Lifetimes() {}

    private static final String EID = "89044011112233441122334411223321";

    public static void main(String[] arguments) throws Exception {
        Promise[] promises = {
            Lifetimes::closingLetsCallsUnderWayEnd,
            Lifetimes::closingWhileManyThreadsCall,
            Lifetimes::theLogMayCloseTheClient,
            Lifetimes::theLogOutlivesEveryCollection,
            Lifetimes::aLogThatThrowsDoesNotHarmTheCall,
            Lifetimes::whatIsNotClosedIsFreedWhenCollected,
            Lifetimes::aBatchOutlivesItsClientAndItsCancel,
            Lifetimes::aDerivedClientOutlivesItsClientAndCallsItsLog,
            Lifetimes::aBatchCanBeLeftAndClosedTwice,
            Lifetimes::aSourceThatThrowsEndsTheLoop,
            Lifetimes::resultsComeAsAStream,
            Lifetimes::aCancelThatWasTriggeredStaysSo,
            Lifetimes::futuresCompleteWithTheReplyOrTheException,
            Lifetimes::cancellingAFutureCancelsItsCall,
            Lifetimes::durationsAndWordsAreTheSameInEveryLocale,
            Lifetimes::whatCWouldCutShortIsRefused,
        };
        int number = 0;
        for (Promise promise : promises) {
            number++;
            try {
                promise.keep();
            } catch (Exception | AssertionError broken) {
                throw new AssertionError("promise " + number + " of main's list", broken);
            }
        }
        System.out.println(number + " kept");
    }

    private static void closingLetsCallsUnderWayEnd() throws Exception {
        try (Simulator simulator = new Simulator("--latency-ms", "600")) {
            Client client = simulator.options().open();
            CompletableFuture<String> call = later(() -> client.refreshUsage(EID).message());
            Thread.sleep(200);
            long began = System.nanoTime();
            client.close();
            require(System.nanoTime() - began < 300_000_000L, "close does not wait");
            requireClosed(() -> client.refreshUsage(EID));
            requireClosed(() -> client.refreshMany(List.of(EID)));
            require(call.get().equals("success"), "the call in flight completed");
        }
    }

    private static void closingWhileManyThreadsCall() throws Exception {
        try (Simulator simulator = new Simulator()) {
            for (int round = 0; round < 30; round++) {
                Client client = simulator.options().open();
                AtomicInteger done = new AtomicInteger();
                List<CompletableFuture<String>> threads = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    threads.add(later(() -> {
                        try {
                            while (true) {
                                client.refreshUsage(EID);
                                done.incrementAndGet();
                            }
                        } catch (IllegalStateException closed) {
                            return closed.getMessage();
                        }
                    }));
                }
                while (done.get() < 8) {
                    Thread.onSpinWait();
                }
                client.close();
                for (CompletableFuture<String> thread : threads) {
                    require(thread.get().equals("the client is closed"), thread.get());
                }
            }
        }
    }

    private static void theLogMayCloseTheClient() throws Exception {
        try (Simulator simulator = new Simulator()) {
            Client[] client = new Client[1];
            client[0] = simulator.options().log(line -> client[0].close()).open();
            client[0].refreshUsage(EID);
            requireClosed(() -> client[0].refreshUsage(EID));
        }
    }

    private static void theLogOutlivesEveryCollection() throws Exception {
        try (Simulator simulator = new Simulator()) {
            List<String> lines = Collections.synchronizedList(new ArrayList<>());
            Client client = simulator.options().log(lines::add).open();
            List<CompletableFuture<String>> threads = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                threads.add(later(() -> {
                    for (int call = 0; call < 25; call++) {
                        client.refreshUsage(EID);
                        System.gc();
                    }
                    return "";
                }));
            }
            for (CompletableFuture<String> thread : threads) {
                thread.get();
            }
            // A batch logs as well, and also when its client is gone.
            try (Results results = orphaned(simulator.options().log(lines::add).open())) {
                for (Result result : results) {
                    System.gc();
                    require(result.error() == null, "refreshed");
                }
            }
            require(lines.size() == 150, lines.size() + " lines");
            require(lines.get(0).contains("outcome=ok") && lines.get(0).contains(EID), lines.get(0));
            require(lines.stream().noneMatch(line -> line.contains(Simulator.SECRET)), "no secret");
        }
    }

    /** A batch whose client is closed and unreferenced. */
    private static Results orphaned(Client client) throws EiotException {
        Results results = client.refreshMany(cards(50), 8, null);
        client.close();
        return results;
    }

    private static void aLogThatThrowsDoesNotHarmTheCall() throws Exception {
        try (Simulator simulator = new Simulator()) {
            AtomicInteger caught = new AtomicInteger();
            com.sun.jna.Native.setCallbackExceptionHandler((callback, thrown) -> caught.incrementAndGet());
            try (Client client = simulator.options().log(line -> { throw new IllegalArgumentException(line); }).open()) {
                require(client.refreshUsage(EID).code().equals("200"), "refreshed");
            } finally {
                com.sun.jna.Native.setCallbackExceptionHandler(null);
            }
            require(caught.get() == 1, "JNA's handler was told");
        }
    }

    private static void whatIsNotClosedIsFreedWhenCollected() throws Exception {
        try (Simulator simulator = new Simulator()) {
            int before = descriptors();
            for (int i = 0; i < 20; i++) {
                Client client = simulator.options().open();
                client.refreshUsage(EID);
                client.refreshMany(cards(3), 2, new Cancel()).iterator().next();
            }
            require(descriptors() > before + 20, "connections are open");
            for (int i = 0; descriptors() > before + 2; i++) {
                require(i < 100, descriptors() + " descriptors are open, " + before + " were");
                System.gc();
                Thread.sleep(20);
            }
        }
    }

    private static void aBatchOutlivesItsClientAndItsCancel() throws Exception {
        try (Simulator simulator = new Simulator()) {
            Client client = simulator.options().open();
            try (Results results = client.refreshMany(cards(200), 8, new Cancel())) {
                client.close();
                System.gc();
                Thread.sleep(50);
                int refreshed = 0;
                for (Result result : results) {
                    require(result.error() == null && result.reply().eid().equals(result.eid()), "refreshed");
                    refreshed++;
                }
                require(refreshed == 200, refreshed + " refreshed");
            }
        }
    }

    private static void aDerivedClientOutlivesItsClientAndCallsItsLog() throws Exception {
        try (Simulator simulator = new Simulator()) {
            List<String> lines = Collections.synchronizedList(new ArrayList<>());
            List<String> events = Collections.synchronizedList(new ArrayList<>());
            Client client = simulator.options().log(lines::add).events(events::add).open();
            try (Client derived = client.withOptions().timeout(Duration.ofSeconds(3)).open()) {
                client.close();
                client = null;
                for (int call = 0; call < 20; call++) {
                    System.gc();
                    derived.refreshUsage(EID);
                }
                require(lines.size() == 20 && events.size() == 20, lines.size() + " lines, " + events.size() + " events");
                require(derived.statsJson().contains("\"started\":20"), derived.statsJson());
            }
            Client closed = simulator.options().open();
            closed.close();
            requireClosed(() -> closed.withOptions().open());
            requireClosed(closed::statsJson);
        }
    }

    private static void aBatchCanBeLeftAndClosedTwice() throws Exception {
        try (Simulator simulator = new Simulator(); Client client = simulator.options().open()) {
            AtomicInteger asked = new AtomicInteger();
            Results results = client.refreshMany(() -> cards(100_000).stream().peek(eid -> asked.incrementAndGet()).iterator(), 4, null);
            Iterator<Result> iterator = results.iterator();
            iterator.next();
            results.close();
            results.close();
            require(asked.get() < 20, asked.get() + " cards were asked for");
            requireClosed(iterator::next);
            requireClosed(results::iterator);
        }
    }

    private static void aSourceThatThrowsEndsTheLoop() throws Exception {
        try (Simulator simulator = new Simulator(); Client client = simulator.options().open()) {
            Iterable<String> source = () -> IntStream.range(0, 100).mapToObj(i -> String.valueOf(10 / (50 - i))).iterator();
            try (Results results = client.refreshMany(source, 4, null)) {
                results.forEach(result -> { });
                throw new AssertionError("went on");
            } catch (ArithmeticException expected) {
                require(client.refreshUsage(EID).code().equals("200"), "the client goes on");
            }
        }
    }

    private static void resultsComeAsAStream() throws Exception {
        try (Simulator simulator = new Simulator(); Client client = simulator.options().open();
                java.util.stream.Stream<Result> results = client.refreshMany(cards(30)).stream()) {
            require(results.map(Result::eid).collect(Collectors.toSet()).size() == 30, "each once");
        }
    }

    private static void aCancelThatWasTriggeredStaysSo() throws Exception {
        try (Simulator simulator = new Simulator(); Client client = simulator.options().open()) {
            Cancel cancel = new Cancel();
            cancel.trigger();
            cancel.trigger();
            try {
                client.refreshUsage(EID, cancel);
                throw new AssertionError("was not cancelled");
            } catch (EiotException error) {
                require(error.kind() == Kind.CANCELLED && error.delivered() == Delivered.NO, error.kindName());
            }
            require(client.refreshUsage(EID).code().equals("200"), "others go on");
        }
    }

    private static void futuresCompleteWithTheReplyOrTheException() throws Exception {
        try (Simulator simulator = new Simulator("--latency-ms", "400"); Client client = simulator.options().open()) {
            long began = System.nanoTime();
            List<CompletableFuture<Reply>> futures = cards(16).stream().map(client::refreshUsageAsync).collect(Collectors.toList());
            CompletableFuture.allOf(futures.toArray(new CompletableFuture<?>[0])).join();
            require(System.nanoTime() - began < 8 * 400_000_000L, "they run side by side");
            require(futures.stream().allMatch(future -> future.join().message().equals("success")), "all are refreshed");
            Thread[] ran = new Thread[1];
            Reply got = client.callAsync("/api/v3/cloudesim/get", "{\"eid\": \"" + EID + "\"}", true, task -> {
                ran[0] = new Thread(task);
                ran[0].start();
            }).join();
            require(ran[0] != null && got.dataJson() != null, "on the executor's thread");
            try {
                client.refreshUsageAsync("8.9E+31").join();
                throw new AssertionError("was refreshed");
            } catch (CompletionException failure) {
                require(((EiotException) failure.getCause()).kind() == Kind.INVALID_EID, failure.toString());
            }
            Client closed = simulator.options().open();
            closed.close();
            requireClosed(() -> {
                try {
                    return closed.refreshUsageAsync(EID).join();
                } catch (CompletionException failure) {
                    throw (Exception) failure.getCause();
                }
            });
        }
    }

    private static void cancellingAFutureCancelsItsCall() throws Exception {
        try (Simulator simulator = new Simulator("--latency-ms", "8000")) {
            List<String> lines = Collections.synchronizedList(new ArrayList<>());
            try (Client client = simulator.options().log(lines::add).open()) {
                CompletableFuture<Reply> future = client.refreshUsageAsync(EID);
                Thread.sleep(300);
                future.cancel(true);
                long deadline = System.nanoTime() + 4_000_000_000L;
                while (lines.isEmpty() && System.nanoTime() < deadline) {
                    Thread.sleep(20);
                }
                require(lines.size() == 1 && lines.get(0).contains("cancelled"), lines.toString());
            }
        }
    }

    private static void durationsAndWordsAreTheSameInEveryLocale() throws Exception {
        Locale usual = Locale.getDefault();
        try (Simulator simulator = new Simulator("--latency-ms", "3000")) {
            for (String tag : new String[] {"tr-TR", "ar-EG-u-nu-arab", "fa-IR-u-nu-arabext", "de-DE"}) {
                Locale.setDefault(Locale.forLanguageTag(tag));
                try (Client client = simulator.options().timeout(Duration.ofMillis(250)).rateLimit(9.5).rateShare(1, 2).open()) {
                    client.refreshUsage(EID);
                    throw new AssertionError("did not time out");
                } catch (EiotException error) {
                    require(error.kind() == Kind.TIMEOUT && error.delivered().toString().equals("unknown"), tag + ": " + error);
                }
            }
        } finally {
            Locale.setDefault(usual);
        }
        try {
            Eiot.options().appkey("a").secret("s").timeout(Duration.ofMillis(-500)).open().close();
            throw new AssertionError("accepted a negative timeout");
        } catch (EiotException error) {
            require(error.kind() == Kind.CONFIG && error.getMessage().contains("timeout"), error.getMessage());
        }
    }

    private static void whatCWouldCutShortIsRefused() throws Exception {
        try (Simulator simulator = new Simulator(); Client client = simulator.options().open()) {
            try {
                client.refreshUsage("8904\00011");
                throw new AssertionError("was cut short");
            } catch (EiotException error) {
                require(error.kind() == Kind.INVALID_EID, error.kindName());
            }
            for (Map<String, String> parameters : List.of(Map.of("a\0b", "1"), Map.of("a", "1\0002"))) {
                try {
                    Eiot.sign(parameters, "s", SignMethod.SHA1);
                    throw new AssertionError("was cut short");
                } catch (IllegalArgumentException expected) {
                    require(expected.getMessage().contains("NUL"), expected.getMessage());
                }
            }
        }
    }

    private interface Promise {
        void keep() throws Exception;
    }

    private interface Making {
        Object make() throws Exception;
    }

    private static void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    private static void requireClosed(Making making) throws Exception {
        try {
            making.make();
        } catch (IllegalStateException expected) {
            return;
        }
        throw new AssertionError("did not say that it is closed");
    }

    private static CompletableFuture<String> later(Making making) {
        CompletableFuture<String> future = new CompletableFuture<>();
        new Thread(() -> {
            try {
                future.complete((String) making.make());
            } catch (Throwable failure) {
                future.completeExceptionally(failure);
            }
        }).start();
        return future;
    }

    private static List<String> cards(int count) {
        return IntStream.range(0, count).mapToObj(i -> String.valueOf(89_040_000L + i)).collect(Collectors.toList());
    }

    private static int descriptors() {
        return new File("/proc/self/fd").list().length;
    }

    /** A simulator on this machine, which ends with its standard input. */
    private static final class Simulator implements AutoCloseable {
        private static final String SECRET = "demo-secret";
        private final Process process;
        private final String url;

        private Simulator(String... arguments) throws Exception {
            List<String> command = new ArrayList<>(List.of(System.getenv("EIOT_SIM"), "--port", "0", "--stop-with-stdin", "--unlimited"));
            command.addAll(List.of(arguments));
            process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            url = new BufferedReader(new InputStreamReader(process.getInputStream())).readLine();
        }

        private Options options() {
            return Eiot.options().appkey("demo-appkey").secret(SECRET).baseUrl(url).rateLimit(0).maxAttempts(1);
        }

        @Override
        public void close() throws IOException {
            process.getOutputStream().close();
            process.onExit().join();
        }
    }
}
