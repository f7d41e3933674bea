using BenchmarkDotNet.Attributes;
using TicketRush.Multiprocessing;

namespace TicketRush.Benchmarks;

/// <summary>
/// What sharing costs where nobody else is there: one process, one thread, no wait. `./rush bench multiprocessing` has the processes.
/// </summary>
public class MultiprocessingBenchmarks
{
    private readonly SharedLock _lock = new();
    private readonly SharedRLock _recursive = new();
    private readonly SharedSemaphore _semaphore = new(1);
    private readonly SharedBoundedSemaphore _bounded = new(1);
    private readonly SharedEvent _event = new();
    private readonly SharedQueue<int> _ints = new();
    private readonly SharedQueue<byte[]> _arrays = new();
    private readonly byte[] _kibibyte = new byte[1024];

    [Benchmark]
    public void Lock()
    {
        _lock.Acquire();
        _lock.Release();
    }

    [Benchmark]
    public void RLock()
    {
        _recursive.Acquire();
        _recursive.Release();
    }

    [Benchmark]
    public void Semaphore()
    {
        _semaphore.Acquire();
        _semaphore.Release();
    }

    /// <summary>With the ledger that gives a dead process's permits back.</summary>
    [Benchmark]
    public void BoundedSemaphore()
    {
        _bounded.Acquire();
        _bounded.Release();
    }

    [Benchmark]
    public bool Event()
    {
        _event.Set();
        var set = _event.Wait();
        _event.Clear();
        return set;
    }

    [Benchmark]
    public int QueueOfInts()
    {
        _ints.Put(7);
        return _ints.Get();
    }

    [Benchmark]
    public byte[] QueueOfKibibytes()
    {
        _arrays.Put(_kibibyte);
        return _arrays.Get();
    }

    [GlobalCleanup]
    public void Dispose()
    {
        SharedObject[] all = [_lock, _recursive, _semaphore, _bounded, _event, _ints, _arrays];
        foreach (var shared in all) shared.Dispose();
    }
}
