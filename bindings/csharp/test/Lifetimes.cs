// Tests specific to C#: disposal and garbage collection while calls are in flight, delegates, cancellation. Needs EIOT_SIM.

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Eiot;

internal static class Lifetimes
{
    private const string Eid = "89044011112233441122334411223321";

    private static int Main()
    {
        Action[] promises =
        {
            DisposingLetsCallsUnderWayEnd, DisposingWhileManyThreadsCall, TheLogMayDisposeOfTheClient, TheLogOutlivesEveryCollection,
            ALogThatThrowsDoesNotHarmTheCall, WhatIsNotDisposedOfIsFreedWhenCollected, ABatchOutlivesItsClient,
            ADerivedClientOutlivesItsClientAndCallsItsLog,
            LeavingTheLoopEndsTheBatch, ASourceThatThrowsEndsTheLoop, ATokenThatWasCancelledSendsNothing,
            TasksCompleteWithTheReplyOrTheException, ATokenCancelsATask,
            NumbersAreTheSameInEveryCulture, WhatCWouldCutShortIsRefused, NullIsRefusedAtOnce
        };
        foreach (Action promise in promises)
        {
            try
            {
                promise();
            }
            catch (Exception broken)
            {
                Console.Error.WriteLine("{0}: {1}", promise.Method.Name, broken);
                return 1;
            }
        }
        Console.WriteLine("{0} kept", promises.Length);
        return 0;
    }

    private static void DisposingLetsCallsUnderWayEnd()
    {
        using (var simulator = new Simulator("--latency-ms 600"))
        {
            var client = new Client(simulator.Options());
            var call = Task.Run(() => client.RefreshUsage(Eid).Message);
            Thread.Sleep(200);
            client.Dispose();
            Throws<ObjectDisposedException>(() => client.RefreshUsage(Eid));
            Throws<ObjectDisposedException>(() => client.RefreshMany(new[] { Eid }));
            Require(call.Result == "success", "the call in flight completed");
        }
    }

    private static void DisposingWhileManyThreadsCall()
    {
        using (var simulator = new Simulator())
        {
            for (int round = 0; round < 30; round++)
            {
                var client = new Client(simulator.Options());
                int done = 0, closed = 0;
                var threads = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
                {
                    try
                    {
                        for (; ; Interlocked.Increment(ref done)) client.RefreshUsage(Eid);
                    }
                    catch (ObjectDisposedException)
                    {
                        Interlocked.Increment(ref closed);
                    }
                })).ToList();
                threads.ForEach(thread => thread.Start());
                while (Volatile.Read(ref done) < 8) Thread.Yield();
                client.Dispose();
                threads.ForEach(thread => thread.Join());
                Require(closed == 8, closed + " threads were told");
            }
        }
    }

    private static void TheLogMayDisposeOfTheClient()
    {
        using (var simulator = new Simulator())
        {
            Client client = null;
            Options options = simulator.Options();
            options.Log = line => client.Dispose();
            client = new Client(options);
            client.RefreshUsage(Eid);
            Throws<ObjectDisposedException>(() => client.RefreshUsage(Eid));
        }
    }

    private static void TheLogOutlivesEveryCollection()
    {
        using (var simulator = new Simulator())
        {
            var lines = new List<string>();
            Client client = Logged(simulator, lines);
            var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
            {
                for (int call = 0; call < 25; call++)
                {
                    client.RefreshUsage(Eid);
                    GC.Collect();
                }
            })).ToList();
            threads.ForEach(thread => thread.Start());
            threads.ForEach(thread => thread.Join());
            // A batch logs as well, and also when its client is gone.
            foreach (Result result in client.RefreshMany(Cards(50), 8))
            {
                client.Dispose();
                Collect();
                Require(result.Error == null, "refreshed");
            }
            Require(lines.Count == 150, lines.Count + " lines");
            Require(lines[0].Contains("outcome=ok") && lines[0].Contains(Eid), lines[0]);
            Require(!lines.Any(line => line.Contains(Simulator.Secret)), "no secret");
        }
    }

    // Apart, so that nothing but the client holds what it is made of.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Client Logged(Simulator simulator, List<string> lines)
    {
        Options options = simulator.Options();
        options.Log = line => { lock (lines) lines.Add(line); };
        return new Client(options);
    }

    private static void ALogThatThrowsDoesNotHarmTheCall()
    {
        using (var simulator = new Simulator())
        {
            int told = 0;
            Options options = simulator.Options();
            options.Log = line => { told++; throw new InvalidOperationException(line); };
            using (var client = new Client(options)) Require(client.RefreshUsage(Eid).Code == "200", "refreshed");
            Require(told == 1, "the log was told");
        }
    }

    private static void WhatIsNotDisposedOfIsFreedWhenCollected()
    {
        using (var simulator = new Simulator())
        {
            int before = Descriptors();
            var maker = new Thread(() =>
            {
                for (int i = 0; i < 20; i++)
                {
                    var client = new Client(simulator.Options());
                    client.RefreshUsage(Eid);
                    client.RefreshMany(Cards(3), 2).GetEnumerator().MoveNext();
                }
            });
            maker.Start();
            maker.Join();
            // The collector looks at stacks conservatively: it may overlook a few.
            for (int i = 0; Descriptors() > before + 8; i++)
            {
                Require(i < 100, Descriptors() + " descriptors are open, " + before + " were");
                Collect();
                Thread.Sleep(20);
            }
        }
    }

    private static void ABatchOutlivesItsClient()
    {
        using (var simulator = new Simulator())
        {
            var client = new Client(simulator.Options());
            int refreshed = 0;
            foreach (Result result in client.RefreshMany(Cards(200), 8))
            {
                client.Dispose();
                if (refreshed++ == 0) Collect();
                Require(result.Error == null && result.Eid == result.Reply.Eid, "refreshed");
            }
            Require(refreshed == 200, refreshed + " refreshed");
        }
    }

    private static void ADerivedClientOutlivesItsClientAndCallsItsLog()
    {
        using (var simulator = new Simulator())
        {
            int lines = 0, events = 0;
            var options = simulator.Options();
            options.Log = line => lines++;
            options.Events = told => events++;
            var client = new Client(options);
            options = null;
            using (var derived = client.WithOptions(new Options { Timeout = TimeSpan.FromSeconds(3) }))
            {
                client.Dispose();
                Throws<ObjectDisposedException>(() => client.WithOptions(new Options()));
                Throws<ObjectDisposedException>(() => client.StatsJson);
                client = null;
                for (int call = 0; call < 20; call++)
                {
                    Collect();
                    derived.RefreshUsage(Eid);
                }
                Require(lines == 20 && events == 20, lines + " lines, " + events + " events");
                Require(derived.StatsJson.Contains("\"started\":20"), derived.StatsJson);
            }
        }
    }

    private static void LeavingTheLoopEndsTheBatch()
    {
        using (var simulator = new Simulator())
        using (var client = new Client(simulator.Options()))
        {
            int asked = 0, before = Descriptors();
            foreach (Result result in client.RefreshMany(Cards(100000).Select(eid => { asked++; return eid; }), 4))
            {
                Require(result.Error == null, "refreshed");
                break;
            }
            Require(asked < 20, asked + " cards were asked for");
            Require(Descriptors() <= before, "its connections are closed");
        }
    }

    private static void ASourceThatThrowsEndsTheLoop()
    {
        using (var simulator = new Simulator())
        using (var client = new Client(simulator.Options()))
        {
            int before = Descriptors();
            Throws<DivideByZeroException>(() => client.RefreshMany(Enumerable.Range(0, 100).Select(i => (10 / (50 - i)).ToString()), 4).Count());
            Require(Descriptors() <= before, "its connections are closed");
            Require(client.RefreshUsage(Eid).Code == "200", "the client goes on");
        }
    }

    private static void ATokenThatWasCancelledSendsNothing()
    {
        using (var simulator = new Simulator())
        using (var client = new Client(simulator.Options()))
        using (var source = new CancellationTokenSource())
        {
            source.Cancel();
            var thrown = Throws<OperationCanceledException>(() => client.RefreshUsage(Eid, source.Token));
            var inner = (EiotException)thrown.InnerException;
            Require(thrown.CancellationToken == source.Token && inner.Kind == Kind.Cancelled && inner.Delivered == Delivered.No, inner.Message);
            Require(client.RefreshUsage(Eid).Code == "200", "others go on");
        }
    }

    private static void TasksCompleteWithTheReplyOrTheException()
    {
        using (var simulator = new Simulator("--latency-ms 400"))
        using (var client = new Client(simulator.Options()))
        {
            var clock = Stopwatch.StartNew();
            Reply[] replies = Task.WhenAll(Enumerable.Range(0, 16).Select(i => client.RefreshUsageAsync((89040000 + i).ToString()))).Result;
            Require(clock.ElapsedMilliseconds < 8 * 400, "they run side by side");
            Require(replies.All(reply => reply.Message == "success"), "all are refreshed");
            Require(client.CallAsync("/api/v3/cloudesim/get", "{\"eid\": \"" + Eid + "\"}", true).Result.DataJson != null, "it has data");
            var error = Throws<EiotException>(() => client.RefreshUsageAsync("8.9E+31").GetAwaiter().GetResult());
            Require(error.Kind == Kind.InvalidEid, error.KindName);
        }
    }

    private static void ATokenCancelsATask()
    {
        using (var simulator = new Simulator("--latency-ms 8000"))
        using (var client = new Client(simulator.Options()))
        using (var source = new CancellationTokenSource(300))
        {
            var clock = Stopwatch.StartNew();
            var task = client.RefreshUsageAsync(Eid, source.Token);
            var cancelled = Throws<OperationCanceledException>(() => task.GetAwaiter().GetResult());
            Require(task.IsCanceled && clock.ElapsedMilliseconds < 4000, "at once");
            Require(((EiotException)cancelled.InnerException).Delivered == Delivered.Unknown, "with the outcome of the call");
        }
    }

    private static void NumbersAreTheSameInEveryCulture()
    {
        CultureInfo usual = Thread.CurrentThread.CurrentCulture;
        try
        {
            foreach (string name in new[] { "de-DE", "tr-TR", "ar-EG", "fa-IR" })
            {
                Thread.CurrentThread.CurrentCulture = new CultureInfo(name);
                using (var simulator = new Simulator("--latency-ms 3000"))
                {
                    Options options = simulator.Options();
                    options.Timeout = TimeSpan.FromMilliseconds(250.5);
                    options.RateLimit = 9.5;
                    using (var client = new Client(options))
                        Require(Throws<EiotException>(() => client.RefreshUsage(Eid)).Kind == Kind.Timeout, name);
                }
            }
        }
        finally
        {
            Thread.CurrentThread.CurrentCulture = usual;
        }
        var refused = Throws<EiotException>(() => new Client(new Options { Appkey = "a", Secret = "s", Timeout = TimeSpan.FromSeconds(-0.5) }));
        Require(refused.Kind == Kind.Config && refused.Message.Contains("timeout"), refused.Message);
    }

    private static void WhatCWouldCutShortIsRefused()
    {
        using (var simulator = new Simulator())
        using (var client = new Client(simulator.Options()))
            Require(Throws<EiotException>(() => client.RefreshUsage("8904\0" + "11")).Kind == Kind.InvalidEid, "not cut short");
        foreach (var pair in new Dictionary<string, string> { { "a\0b", "1" }, { "a", "1\0" + "2" } })
            Throws<ArgumentException>(() => Library.Sign(new[] { pair }, "s"));
    }

    private static void NullIsRefusedAtOnce()
    {
        using (var simulator = new Simulator())
        using (var client = new Client(simulator.Options()))
        {
            Throws<ArgumentNullException>(() => client.RefreshUsage(null));
            Throws<ArgumentNullException>(() => client.Call("/api/v3/cloudesim/get", null));
            Throws<ArgumentNullException>(() => client.RefreshMany(null));
            Throws<ArgumentNullException>(() => new Client(null));
            Throws<ArgumentNullException>(() => Library.VerifyWebhook(null, "s"));
            Throws<ArgumentNullException>(() => Library.Sign(null, "s"));
        }
    }

    private static void Require(bool condition, string what)
    {
        if (!condition) throw new InvalidOperationException(what);
    }

    private static T Throws<T>(Func<object> make) where T : Exception
    {
        return Throws<T>(() => { make(); });
    }

    private static T Throws<T>(Action act) where T : Exception
    {
        try
        {
            act();
        }
        catch (T expected)
        {
            return expected;
        }
        throw new InvalidOperationException("did not throw " + typeof(T).Name);
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    private static IEnumerable<string> Cards(int count) { return Enumerable.Range(89040000, count).Select(card => card.ToString()); }

    private static int Descriptors() { return Directory.GetFileSystemEntries("/proc/self/fd").Length; }

    // A simulator on this machine, which ends with its standard input.
    private sealed class Simulator : IDisposable
    {
        public const string Secret = "demo-secret";
        private readonly Process process;
        private readonly string url;

        public Simulator(string arguments = "")
        {
            process = Process.Start(new ProcessStartInfo(Environment.GetEnvironmentVariable("EIOT_SIM"), "--port 0 --stop-with-stdin --unlimited " + arguments)
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true
            });
            url = process.StandardOutput.ReadLine();
        }

        public Options Options() { return new Options { Appkey = "demo-appkey", Secret = Secret, BaseUrl = url, RateLimit = 0, MaxAttempts = 1 }; }

        public void Dispose()
        {
            process.StandardInput.Close();
            process.WaitForExit();
            process.Dispose();
        }
    }
}
