// Drives the C# wrapper for tests/test_bindings.py, which says what the arguments are.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text;
using System.Threading;
using Eiot;

internal static class Driver
{
    private static readonly string[] Verbs = { "batch", "call", "derived", "stats", "events", "verify", "sign", "statuses", "options", "threads", "closed", "shown", "cancelled" };
    private static readonly Stream Out = Console.OpenStandardOutput();

    private static void Main(string[] arguments)
    {
        var words = arguments.ToList();
        string verb = words.Count > 0 && Verbs.Contains(words[0]) ? words[0] : "refresh";
        if (verb != "refresh") words.RemoveAt(0);
        int cut = words.IndexOf("--") < 0 ? words.Count : words.IndexOf("--");
        var options = words.Take(cut).ToList();
        var rest = words.Skip(cut + 1).ToArray();
        try
        {
            switch (verb)
            {
                case "verify":
                    Library.VerifyWebhook(Encoding.UTF8.GetBytes(rest[0]), rest[1], TimeSpan.FromMilliseconds(double.Parse(rest[3])), Method(rest[2]));
                    Print("ok", true, "status", 0);
                    return;
                case "sign":
                    Print("sign", Library.Sign(rest.Skip(2).Select(Pair), rest[0], Method(rest[1])));
                    return;
                case "statuses":
                    Print("status", 0, "kind", "ok");
                    foreach (Kind kind in Enum.GetValues(typeof(Kind))) if (kind != Kind.Unknown) Print("status", (int)kind, "kind", Snake(kind.ToString()));
                    return;
                case "options":
                    Print("options", Offered().Select(option => Snake(option.Name)).ToArray());
                    return;
                default:
                    using (var client = options.Count == 0 ? Client.FromEnvironment() : new Client(Read(options))) Run(verb, client, rest);
                    return;
            }
        }
        catch (EiotException error)
        {
            Print(error);
        }
    }

    private static void Run(string verb, Client client, string[] rest)
    {
        switch (verb)
        {
            case "refresh":
                foreach (string eid in rest) Outcome(() => client.RefreshUsage(eid));
                return;
            case "batch":
                foreach (Result result in client.RefreshMany(rest, 8)) Print(result);
                return;
            case "derived":
                using (var derived = client.WithOptions(Read(new[] { rest[0] + "=" + rest[1] })))
                    foreach (string eid in rest.Skip(2)) Outcome(() => derived.RefreshUsage(eid));
                foreach (string eid in rest.Skip(2)) Outcome(() => client.RefreshUsage(eid));
                return;
            case "stats":
                foreach (string eid in rest) Outcome(() => client.RefreshUsage(eid));
                Write("{\"stats\": " + client.StatsJson + "}");
                return;
            case "events":
                using (var watched = client.WithOptions(new Options { Events = told => Write("{\"event\": " + told + "}") }))
                    foreach (string eid in rest) Outcome(() => watched.RefreshUsage(eid));
                return;
            case "call":
                Outcome(() => client.Call(rest[0], rest[1], rest.Length > 2));
                return;
            case "threads":
                int succeeded = 0;
                var threads = Enumerable.Range(0, int.Parse(rest[0])).Select(_ => new Thread(() =>
                {
                    for (int call = 0; call < int.Parse(rest[1]); call++)
                    {
                        client.RefreshUsage(rest[2]);
                        Interlocked.Increment(ref succeeded);
                    }
                })).ToList();
                threads.ForEach(thread => thread.Start());
                threads.ForEach(thread => thread.Join());
                Print("ok", succeeded);
                return;
            case "shown":
                Print("shown", client.ToString());
                return;
            case "cancelled":
                foreach (string eid in rest)
                {
                    using (var soon = new CancellationTokenSource(200))
                    {
                        try { client.RefreshUsage(eid, soon.Token); }
                        catch (OperationCanceledException cancelled) { Print((EiotException)cancelled.InnerException); }
                    }
                }
                using (var soon = new CancellationTokenSource(200))
                    foreach (Result result in client.RefreshMany(rest, 8, soon.Token)) Print(result);
                return;
            default:
                client.Dispose();
                client.Dispose();
                try { client.RefreshUsage("1"); }
                catch (ObjectDisposedException closed) { Print("ok", false, "kind", "invalid_argument", "message", closed.Message); }
                return;
        }
    }

    // Those that can be said in text.
    private static IEnumerable<PropertyInfo> Offered() { return typeof(Options).GetProperties().Where(option => option.Name != "Log" && option.Name != "Events"); }

    private static Options Read(IEnumerable<string> words)
    {
        var options = new Options();
        foreach (var option in words.Select(Pair))
        {
            var known = Offered().Single(offered => Snake(offered.Name) == option.Key);
            known.SetValue(options, Value(Nullable.GetUnderlyingType(known.PropertyType) ?? known.PropertyType, option.Value), null);
        }
        return options;
    }

    private static object Value(Type type, string text)
    {
        if (type == typeof(bool)) return text == "on";
        if (type == typeof(TimeSpan)) return TimeSpan.FromTicks((long)(double.Parse(text, CultureInfo.InvariantCulture) * TimeSpan.TicksPerSecond));
        if (type == typeof(SignMethod)) return Method(text);
        return Convert.ChangeType(text, type, CultureInfo.InvariantCulture);
    }

    private static SignMethod Method(string name) { return name == "md5" ? SignMethod.Md5 : SignMethod.Sha1; }

    private static KeyValuePair<string, string> Pair(string word)
    {
        int cut = word.IndexOf('=');
        return new KeyValuePair<string, string>(word.Substring(0, cut), word.Substring(cut + 1));
    }

    private static string Snake(string name)
    {
        return string.Concat(name.Select((c, i) => (i > 0 && char.IsUpper(c) ? "_" : "") + char.ToLowerInvariant(c)));
    }

    private static void Outcome(Func<Reply> make)
    {
        try { Print(make()); }
        catch (EiotException error) { Print(error); }
    }

    private static void Print(Result result)
    {
        object[] more = { "index", result.Index, "input", result.Input, "duplicate", result.IsDuplicate };
        if (result.Reply != null) Print(result.Reply, more);
        else Print(result.Error, more);
    }

    private static void Print(Reply reply, params object[] more)
    {
        Print(more, "ok", true, "status", 0, "eid", reply.Eid, "code", reply.Code, "message", reply.Message, "data_json", reply.DataJson, "attempts", reply.Attempts);
    }

    private static void Print(EiotException error, params object[] more)
    {
        if (Snake(error.Kind.ToString()) != error.KindName) throw new InvalidOperationException(error.Kind + " is not " + error.KindName);
        Print(more, "ok", false, "retryable", error.IsRetryable, "status", error.Status, "kind", error.KindName, "message", error.Message, "eid", error.Eid, "code", error.Code,
            "platform_message", error.PlatformMessage, "http_status", error.HttpStatus, "attempts", error.Attempts,
            "retry_after_ms", error.RetryAfter.HasValue ? (long)error.RetryAfter.Value.TotalMilliseconds : -1, "delivered", (int)error.Delivered,
            "final", error.IsFinal, "body", error.Body == null ? null : Encoding.UTF8.GetString(error.Body), "headers", error.Headers);
    }

    private static void Print(object[] more, params object[] fields) { Print(more.Concat(fields).ToArray()); }

    // One line of JSON; names and values alternate.
    private static void Print(params object[] fields)
    {
        var parts = Enumerable.Range(0, fields.Length / 2).Select(i => Json(fields[2 * i]) + ": " + Json(fields[2 * i + 1]));
        Write("{" + string.Join(", ", parts) + "}");
    }

    private static void Write(string text)
    {
        byte[] line = Encoding.UTF8.GetBytes(text + "\n");
        lock (Out)
        {
            Out.Write(line, 0, line.Length);
            Out.Flush();
        }
    }

    private static string Json(object value)
    {
        if (value == null) return "null";
        if (value is bool) return (bool)value ? "true" : "false";
        var pairs = value as IReadOnlyDictionary<string, string>;
        if (pairs != null) return "{" + string.Join(", ", pairs.Select(pair => Json(pair.Key) + ": " + Json(pair.Value))) + "}";
        if (value is string[]) return "[" + string.Join(", ", ((string[])value).Select(Json)) + "]";
        string text = value as string;
        if (text == null) return Convert.ToString(value, CultureInfo.InvariantCulture);
        return "\"" + string.Concat(text.Select(c => c == '"' || c == '\\' ? "\\" + c : c < ' ' ? "\\u" + ((int)c).ToString("x4") : c.ToString())) + "\"";
    }
}
