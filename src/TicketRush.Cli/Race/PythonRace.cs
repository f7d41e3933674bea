using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace TicketRush.Cli.Race;

/// <summary>
/// The documents' locked program in the documents' own language: as many processes, one lock, the file written in place. Our words, their
/// way.
/// </summary>
internal static class PythonRace
{
    private const string Program = """
        import json, multiprocessing, sys, time

        path, key, delay, buyers, workers = sys.argv[1], sys.argv[2], float(sys.argv[3]) / 1000, int(sys.argv[4]), int(sys.argv[5])

        def left():
            with open(path, encoding="utf-8") as file:
                return json.load(file)[key]

        def buy(lock):
            with lock:
                count = left()
                if delay:
                    time.sleep(delay)
                if count <= 0:
                    return False
                with open(path, "w", encoding="utf-8") as file:
                    json.dump({key: count - 1}, file)
                return True

        def run(lock, start, answers, mine):
            start.wait()
            told = refused = crashed = 0
            waits = []
            for _ in range(mine):
                try:
                    left()
                except ValueError:
                    crashed += 1
                    continue
                asked = time.monotonic()
                if buy(lock):
                    told += 1
                else:
                    refused += 1
                waits.append(time.monotonic() - asked)
            answers.put((told, refused, crashed, waits, time.monotonic()))

        if __name__ == "__main__":
            lock, start, answers = multiprocessing.Lock(), multiprocessing.Barrier(workers + 1), multiprocessing.Queue()
            share = [buyers // workers + (1 if i < buyers % workers else 0) for i in range(workers)]
            processes = [multiprocessing.Process(target=run, args=(lock, start, answers, mine)) for mine in share]
            for process in processes:
                process.start()
            start.wait()
            began = time.monotonic()
            results = [answers.get() for _ in processes]
            seconds = max(result[4] for result in results) - began
            for process in processes:
                process.join()
            waits = sorted(wait for result in results for wait in result[3])
            print(json.dumps({
                "told": sum(r[0] for r in results), "refused": sum(r[1] for r in results), "crashed": sum(r[2] for r in results),
                "seconds": seconds, "p50": waits[len(waits) // 2] * 1000 if waits else 0,
                "p99": waits[len(waits) * 99 // 100] * 1000 if waits else 0, "left": left(), "python": sys.version.split()[0]}))
        """;

    public static bool IsThere =>
        Environment.GetEnvironmentVariable("PATH")?.Split(':').Any(folder => File.Exists(Path.Combine(folder, "python3"))) == true;

    /// <param name="directory">Where the file is: on a disk, or in memory.</param>
    /// <exception cref="IOException">python3 could not run it.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static RaceRow Run(RaceOptions options, string directory, CancellationToken stop)
    {
        using var scratch = new Scratch(directory);
        var file = Path.Combine(scratch.Directory, options.Document.File);

        // A file, not -c: where Python starts its processes anew, they read the program again.
        var program = Path.Combine(scratch.Directory, "race.py");
        File.WriteAllText(program, Program);
        TicketFile.Replace(file, options.Key, options.Tickets);
        var start = new ProcessStartInfo("python3")
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var argument in (string[])
            [program, file, options.Key, Text(options.DelayMs), Text(options.Buyers), Text(Math.Min(options.Workers, options.Buyers))])
            start.ArgumentList.Add(argument);
        stop.ThrowIfCancellationRequested();
        using var process = Process.Start(start)!;
        using var stopping = stop.Register(() => process.Kill(entireProcessTree: true));
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        stop.ThrowIfCancellationRequested();
        if (process.ExitCode != 0)
            throw new IOException($"python3 ended with exit code {process.ExitCode}: {error.GetAwaiter().GetResult().Trim()}");
        return Read(output, options, Scratch.IsInMemory(directory) ? "lock in memory" : "lock on disk");
    }

    private static RaceRow Read(string output, RaceOptions options, string name)
    {
        using var document = JsonDocument.Parse(output);
        var result = document.RootElement;
        var (told, refused, seconds, left) = (Whole("told"), Whole("refused"), result.GetProperty("seconds").GetDouble(), Whole("left"));
        return new()
        {
            Strategy = $"{name}, Python {result.GetProperty("python").GetString()}",
            Safe = true,
            Told = told,
            Oversold = Math.Max(0, told - options.Tickets),
            LostWrites = told - (options.Tickets - left),
            CrashedLookers = Whole("crashed"),
            CrashedBuyers = 0,
            Killed = 0,
            Blocked = 0,
            Refused = refused,
            Seconds = seconds,
            PerSecond = (told + refused) / seconds,
            P50Ms = result.GetProperty("p50").GetDouble(),
            P99Ms = result.GetProperty("p99").GetDouble(),
            OutOfOrder = null,
            Left = left,
        };

        int Whole(string member) => result.GetProperty(member).GetInt32();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
