// Refreshes the cards that are given; the account is in the environment.

using System;
using Eiot;

internal static class Refresh
{
    private static int Main(string[] eids)
    {
        int failures = 0;
        using (var client = Client.FromEnvironment())
        {
            foreach (string eid in eids)
            {
                try
                {
                    Console.WriteLine("{0}: {1}", eid, client.RefreshUsage(eid).Message);
                }
                catch (EiotException error)
                {
                    Console.Error.WriteLine("{0} ({1}, code {2}, delivered {3})", error.Message, error.KindName, error.Code, error.Delivered.ToString().ToLower());
                    failures++;
                }
            }
        }
        return failures == 0 ? 0 : 1;
    }
}
