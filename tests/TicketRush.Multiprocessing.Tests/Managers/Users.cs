using TicketRush.Multiprocessing.Tests.Pools;
using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Managers;

/// <summary>Other processes that use a manager.</summary>
internal static class Users
{
    public static void Sell(
        ManagedDictionary<string, int> seats, ManagedList<Ticket> sold, ManagedValue<int> count,
        ManagedNamespace settings, ManagedLock gate)
    {
        for (var i = 0; i < 20; i++)
        {
            using (gate.Enter())
            {
                count.Value++;
                seats[$"A{count.Value}"] = Environment.ProcessId;
                sold.Add(new Ticket("someone", [$"A{count.Value}"], settings.Get<decimal>("price")));
            }
        }
    }

    public static void Echo(ManagedQueue<string> requests, ManagedQueue<string> replies, ManagedEvent stop)
    {
        while (!stop.IsSet)
            if (requests.TryGet(out var request, TimeSpan.FromMilliseconds(20))) replies.Put($"<{request}>");
    }

    public static void PutRemotely(string name, string key, string text) =>
        Manager.Connect(name, Convert.FromHexString(key)).Queue<string>(name: "requests").Put(text);

    public static void AppendTo(ManagedList<ManagedList<int>> lists, int number)
    {
        foreach (var list in lists) list.Add(number);
    }

    public static void TakeAndStay(ManagedLock gate, string path)
    {
        gate.Acquire();
        Kids.Say(path, "");
        Kids.Sleep();
    }

    public static void WaitFor(ManagedQueue<string> queue, string path)
    {
        Kids.Say(path, "");
        queue.Get();
    }

    public static void HaveManager(string name, string path)
    {
        var manager = Manager.Start(name);
        Kids.Say(path, $"{manager.Pid}");
        Kids.Sleep();
    }
}
