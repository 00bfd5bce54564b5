import club.eiot.Eiot;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Refreshes the cards that are given, eight at a time on threads that share one client; the account is in the environment. */
public final class Refresh {
    private Refresh() {}

    public static void main(String[] eids) throws Exception {
        AtomicInteger failures = new AtomicInteger();
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try (Eiot.Client client = Eiot.fromEnvironment()) {
            for (String eid : eids) {
                threads.submit(() -> {
                    try {
                        Eiot.Reply reply = client.refreshUsage(eid);
                        System.out.println(eid + ": " + reply.message());
                    } catch (Eiot.EiotException error) {
                        System.err.println(error.getMessage() + " (" + error.kindName() + ", code " + error.code()
                                + ", delivered " + error.delivered().name().toLowerCase() + ")");
                        failures.incrementAndGet();
                    }
                });
            }
            threads.shutdown();
            threads.awaitTermination(10, TimeUnit.MINUTES);
        }
        System.exit(failures.get() == 0 ? 0 : 1);
    }
}
