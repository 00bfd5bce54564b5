import club.eiot.Eiot;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Refreshes the cards that are given, eight at a time on threads that share one client; the account is in the environment. */
public final class Refresh {
    private Refresh() {}

    public static void main(String[] eids) throws Exception {
        boolean failed = false;
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try (Eiot.Client client = Eiot.fromEnvironment()) {
            List<Future<Boolean>> refreshed = new ArrayList<>();
            for (String eid : eids) {
                refreshed.add(threads.submit(() -> {
                    try {
                        Eiot.Reply reply = client.refreshUsage(eid);
                        System.out.println(eid + ": " + reply.message());
                        return true;
                    } catch (Eiot.EiotException error) {
                        System.err.println(error.getMessage() + " (" + error.kindName() + ", code " + error.code()
                                + ", delivered " + error.delivered() + ")");
                        return false;
                    }
                }));
            }
            for (Future<Boolean> one : refreshed) {
                failed |= !one.get();
            }
        } finally {
            threads.shutdown();
        }
        System.exit(failed ? 1 : 0);
    }
}
