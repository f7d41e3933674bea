using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Memory;

/// <summary>What the children of the tests of shared memory do.</summary>
internal static class MemoryTargets
{
    public static void Write(SharedValue<int> value, SharedArray<long> array)
    {
        value.Value = 42;
        for (var i = 0; i < array.Length; i++) array[i] = i * 10;
    }

    public static void AddLocked(SharedValue<int> value, int times)
    {
        for (var i = 0; i < times; i++)
            using (value.Lock.Enter()) value.Value++;
    }

    public static void MakeMemory(string name, SharedEvent ready)
    {
        var memory = new SharedMemory(5000, name);
        memory.AsSpan()[4999] = 9;
        ready.Set();
        Kids.Sleep();
    }

    public static void WriteMemory(SharedMemory memory) => memory.AsSpan()[1] = 2;

    public static void OpenMemory(string name) => SharedMemory.Open(name).AsSpan()[2] = 3;

    public static void HoldInChild(SharedQueue<int> pids)
    {
        using var child = new ChildProcess(Hold, pids);
        child.Start();
        child.Join();
    }

    public static void Hold(SharedQueue<int> pids)
    {
        _ = new SharedEvent();
        pids.Put(Environment.ProcessId);
        pids.Dispose();
        Kids.Sleep();
    }

    public static void MakeMany(SharedEvent ready)
    {
        var queue = new SharedQueue<byte[]>();
        ready.Set();
        while (true)
        {
            using var theLock = new SharedLock();
            using var array = new SharedArray<long>(10_000);
            using var joinable = new SharedJoinableQueue<int>();
            joinable.Put(1);
            joinable.Get();
            queue.Put(new byte[1000]);
            _ = new SharedEvent();
        }
    }
}
