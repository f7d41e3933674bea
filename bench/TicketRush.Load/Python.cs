using System.Diagnostics;
using System.Globalization;

namespace TicketRush.Load;

/// <summary>CPython's multiprocessing, doing what <see cref="Peers"/> does with ours. A new interpreter for each measurement.</summary>
internal sealed class Python : IDisposable
{
    private const string Program = """
        import multiprocessing, os, signal, sys, time

        context = multiprocessing.get_context("fork")
        now = time.perf_counter


        def pairs(lock, count):
            start = now()
            for _ in range(count):
                lock.acquire()
                lock.release()
            return (now() - start) / count * 1e9


        def lock():
            lock = context.Lock()
            pairs(lock, 50_000)
            return pairs(lock, 500_000)


        def add(lock, value, count, barrier, span):
            barrier.wait()
            span[0] = now()
            for _ in range(count):
                with lock:
                    value.value += 1
            span[1] = now()


        def counter():
            count = 100_000
            lock, value, barrier = context.Lock(), context.RawValue("i", 0), context.Barrier(2)
            spans = [context.RawArray("d", 2) for _ in range(2)]
            children = [context.Process(target=add, args=(lock, value, count, barrier, span)) for span in spans]
            for child in children: child.start()
            for child in children: child.join()
            assert value.value == 2 * count
            return (max(span[1] for span in spans) - min(span[0] for span in spans)) / (2 * count) * 1e9


        def feed(queue, item, warm, count, go):
            for _ in range(warm): queue.put(item)
            go.wait()
            for _ in range(count): queue.put(item)


        def drain(item):
            warm, count = 10_000, 100_000
            queue, go = context.Queue(), context.Event()
            producer = context.Process(target=feed, args=(queue, item, warm, count, go))
            producer.start()
            for _ in range(warm): queue.get()
            start = now()
            go.set()
            for _ in range(count): queue.get()
            rate = count / (now() - start)
            producer.join()
            return rate


        def echo(end, count):
            for _ in range(count): end.send_bytes(end.recv_bytes())


        def pipe():
            warm, count, message = 2_000, 20_000, bytes(8)
            mine, other = context.Pipe()
            child = context.Process(target=echo, args=(other, warm + count))
            child.start()
            trips = []
            for _ in range(warm + count):
                start = now()
                mine.send_bytes(message)
                mine.recv_bytes()
                trips.append(now() - start)
            child.join()
            return sorted(trips[warm:])[count // 2] * 1e6


        def square(number): return number * number


        def pool():
            with context.Pool(2) as pool:
                pool.map(square, range(100_000))
                start = now()
                results = pool.map(square, range(100_000))
                rate = len(results) / (now() - start)
            assert results[-1] == square(99_999)
            return rate


        def imap():
            count = 20_000
            with context.Pool(2) as pool:
                for _ in pool.imap(square, range(count)): pass
                start = now()
                for last in pool.imap(square, range(count)): pass
                rate = count / (now() - start)
            assert last == square(count - 1)
            return rate


        def nothing(): pass


        def start(method, count):
            starter = multiprocessing.get_context(method)
            begin = now()
            for _ in range(count):
                child = starter.Process(target=nothing)
                child.start()
                child.join()
            return (now() - begin) / count * 1e3


        def hold(lock, held):
            lock.acquire()
            held.set()
            time.sleep(60)


        def killed():
            lock, held = context.Lock(), context.Event()
            child = context.Process(target=hold, args=(lock, held))
            child.start()
            held.wait()
            child.kill()
            child.join()
            return float(lock.acquire(timeout=2))


        if __name__ == "__main__":
            measures = {
                "lock": lock, "counter": counter, "pipe": pipe, "pool": pool, "imap": imap,
                "ints": lambda: drain(7), "kibibytes": lambda: drain(bytes(1024)),
                "fork": lambda: start("fork", 50), "spawn": lambda: start("spawn", 5), "killed": killed,
            }
            print(measures[sys.argv[1]]())
        """;

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"rush-load-{Environment.ProcessId}-{Guid.NewGuid():N}.py");

    private Python(string version)
    {
        Version = version;
        File.WriteAllText(_path, Program);
    }

    public string Version { get; }

    /// <returns>Null where there is no python3.</returns>
    public static Python? Find()
    {
        try
        {
            return Run("--version") is { } version ? new(version) : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    public double Measure(string what) =>
        Run(_path, what) is { } figure
            ? double.Parse(figure, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"python3 failed to measure {what}.");

    public void Dispose() => File.Delete(_path);

    private static string? Run(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("python3", arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : null;
    }
}
