using System.Diagnostics;
using TicketRush.Engine;
using TicketRush.Journal.Files;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

/// <summary>Measures the process and fills file systems, so nothing else runs meanwhile.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(Alone))]
public sealed class SequencerDisk
{
    private const int Sales = 1_000;

    [Fact]
    [Trait("Storm", "true")]
    public async Task A_full_disk_refuses_what_is_new_and_selling_goes_on_by_itself_when_there_is_room()
    {
        using var disk = new SmallDisk();
        var path = Path.Combine(disk.Path, "sale.rush");
        var filler = Path.Combine(disk.Path, "filler");
        FileJournal.TryCreate(path, "sale", Plan(100_000));
        File.WriteAllBytes(filler, new byte[100 * 1024]);
        var sequencer = new Sequencer(FileJournal.Open(path),
            new() { RetryAfter = TimeSpan.FromMilliseconds(20), BatchLength = 16 * 1024 });
        try
        {
            Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }));
            var receipts = new List<(long, ChainHash)>();
            var outcome = await BuyUntilRefusedAsync(sequencer, receipts, 10_000);
            Assert.Equal(Outcome.DiskFull, outcome);
            Assert.Equal(SequencerStatusKind.DiskFull, sequencer.Status.Kind);
            Assert.InRange(receipts.Count, 50, 800);

            for (var i = 0; i < 20; i++)
            {
                sequencer.Tick();
                Assert.Equal(Outcome.DiskFull, await sequencer.SubmitAsync(Purchase(receipts.Count)));
                Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Find(i)));
                var again = Purchase(i);
                Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(again));
                Assert.Equal(receipts[i], (again.Reply.Sequence, again.Hash));
                await Task.Delay(5);
            }

            Assert.Equal(SequencerStatusKind.DiskFull, sequencer.Status.Kind);
            Assert.Equal(receipts.Count, Read(path).Pools[0].Sold);

            File.Delete(filler);
            await TickUntilAsync(() => sequencer.Status.Kind == SequencerStatusKind.Selling, sequencer);
            var before = receipts.Count;
            await BuyUntilRefusedAsync(sequencer, receipts, before + 50);
            Assert.Equal(before + 50, receipts.Count);

            Assert.Equal(receipts.Count, Read(path).Pools[0].Sold);
            await using var fresh = new Sequencer(FileJournal.Open(path));
            for (var id = 0; id < receipts.Count; id++)
            {
                var again = Purchase(id);
                Assert.Equal(Outcome.Done, await fresh.SubmitAsync(again));
                Assert.Equal(receipts[id], (again.Reply.Sequence, again.Hash));
            }
        }
        finally
        {
            await sequencer.DisposeAsync();
        }
    }

    [Fact]
    [Trait("Storm", "true")]
    public void Opening_a_sale_on_a_full_disk_says_so_and_lives()
    {
        using var disk = new SmallDisk();
        var path = Path.Combine(disk.Path, "sale.rush");
        FileJournal.TryCreate(path, "sale", Plan(100));
        Fill(Path.Combine(disk.Path, "filler"));

        // A page of a mapped file that there is no room for is a bus error, and no exception: it would take the process along.
        Assert.ThrowsAny<IOException>(() => FileJournal.Open(path));

        File.Delete(Path.Combine(disk.Path, "filler"));
        using var journal = FileJournal.Open(path);
    }

    [Fact]
    [Trait("Storm", "true")]
    public async Task A_thousand_quiet_sales_need_no_thread_each_and_hardly_a_processor()
    {
        var directory = Directory.CreateTempSubdirectory("rush-quiet-").FullName;
        try
        {
            var data = new DataDirectory(directory, new() { Flush = false });
            var threads = Threads();
            await using var sales = new TicketRush.Journal.Sales(data, options: new() { ThreadIdle = TimeSpan.FromMilliseconds(20) });
            for (var i = 0; i < Sales; i++) Assert.True(sales.TryCreate($"sale-{i}", Plan(100)));
            var all = sales.All();
            Assert.Equal(Sales, all.Count);

            // Each had something to do, and so a thread.
            var opened = all.Select(sale => sale.Sequencer!.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }).AsTask());
            Assert.All(await Task.WhenAll(opened).WaitAsync(Bound), outcome => Assert.Equal(Outcome.Done, outcome));
            for (var start = Stopwatch.GetTimestamp(); Threads() > threads + 50; await Task.Delay(20))
                Assert.True(Stopwatch.GetElapsedTime(start) < Bound, $"{Threads()} threads, {threads} before.");

            // What opening them left to compile and to collect is not theirs any more.
            await Task.Delay(1_000);
            var (cpu, from) = (Environment.CpuUsage.TotalTime, Stopwatch.GetTimestamp());
            await Task.Delay(2_000);
            var share = (Environment.CpuUsage.TotalTime - cpu) / Stopwatch.GetElapsedTime(from);
            Assert.True(share < 0.10, $"{share:P1} of a processor for {Sales} quiet sales.");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<Outcome> BuyUntilRefusedAsync(Sequencer sequencer, List<(long, ChainHash)> receipts, int most)
    {
        var outcome = Outcome.None;
        while (receipts.Count < most)
        {
            var purchase = Purchase(receipts.Count);
            outcome = await sequencer.SubmitAsync(purchase);
            if (outcome != Outcome.Done) return outcome;
            receipts.Add((purchase.Reply.Sequence, purchase.Hash));
        }

        return outcome;
    }

    private static void Fill(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true) file.Write(new byte[4096]);
        }
        catch (IOException)
        {
            // Full, which is what was wanted.
        }
    }

    private static int Threads()
    {
        using var process = Process.GetCurrentProcess();
        return process.Threads.Count;
    }

    /// <summary>A file system of 400 KB, which only root can mount.</summary>
    private sealed class SmallDisk : IDisposable
    {
        public SmallDisk()
        {
            Assert.SkipUnless(OperatingSystem.IsLinux(), "Fills a tmpfs, which is Linux's.");
            Assert.SkipUnless(Environment.IsPrivilegedProcess, "Mounts a small tmpfs, which only root may.");
            Path = Directory.CreateTempSubdirectory("rush-small-").FullName;
            var mounted = Run("mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", Path);
            if (mounted == 0) return;
            Directory.Delete(Path);
            Assert.Skip($"mount answered {mounted}: this container may not mount.");
        }

        public string Path { get; }

        public void Dispose()
        {
            // Lazily: a test that failed may have left a file open.
            Run("umount", "-l", Path);
            Directory.Delete(Path);
        }

        private static int Run(string program, params string[] arguments)
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode;
        }
    }
}
