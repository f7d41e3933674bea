using System.Diagnostics;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Files;

var callers = int.Parse(args[0]);
var seconds = double.Parse(args[1]);
var flush = args.Length < 3 || args[2] != "noflush";
var dir = Directory.CreateTempSubdirectory("rush-load");
var path = Path.Combine(dir.FullName, "a.rush");
var plan = new Plan { Name = "n", Venue = "", StartsAt = "", TimeZone = "UTC", Currency = "EUR", PaymentKind = PaymentKind.None,
    Pools = [new("floor", 20_000_000, 0)], Tiers = [new("t", "t", "floor", 100)], Rules = new(600, 1, 6, 6) };
FileJournal.TryCreate(path, "a", plan);
var seq = new Sequencer(FileJournal.Open(path, new() { Flush = flush }));
await seq.SubmitAsync(new Submission { Command = new() { Kind = CommandKind.Open } });
var end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
var hist = new int[1<<16]; 
var sw = Stopwatch.StartNew();
var tasks = Enumerable.Range(0, callers).Select(i => Task.Run(() => Caller(i))).ToArray();
await Task.WhenAll(tasks);
var el = sw.Elapsed.TotalSeconds;
long total = hist.Sum(x => (long)x);
string P(double q) { long c = 0; for (int i = 0; i < hist.Length; i++) { c += hist[i]; if (c >= total * q) return i.ToString(); } return "?"; }
var (b, e) = seq.Appended;
Console.WriteLine($"{callers} callers flush={flush}: {total / el:N0}/s, batch {e / (double)b:0}, p50 {P(.5)} p99 {P(.99)} p999 {P(.999)} us; size {new FileInfo(path).Length >> 20} MiB");
await seq.DisposeAsync();
dir.Delete(true);

async Task Caller(int i)
{
    var s = new Submission();
    ulong n = 0;
    var rnd = (ulong)i * 0x9E3779B97F4A7C15 + 1;
    while (true)
    {
        var t0 = Stopwatch.GetTimestamp();
        if (t0 > end) return;
        n++;
        s.Command.Kind = CommandKind.Purchase;
        s.Command.Hold = new(new UInt128(Mix(rnd + n), Mix(rnd ^ n * 31)));
        s.Command.Buyer = new(new UInt128(Mix(rnd + n * 7), Mix(rnd ^ n * 77)));
        s.Command.Lines = default; s.Command.Lines.TryAdd(0, 1);
        s.Command.Plan = seq.Snapshot!.Plan;
        var o = await seq.SubmitAsync(s);
        if (o != Outcome.Done) throw new Exception($"{o} {s.Reply.Refusal} {seq.Status}");
        Interlocked.Increment(ref hist[Math.Min(65535, (Stopwatch.GetTimestamp() - t0) / 1000)]);
    }
}
static ulong Mix(ulong x) { x ^= x >> 33; x *= 0xff51afd7ed558ccd; x ^= x >> 33; x *= 0xc4ceb9fe1a85ec53; return x ^ x >> 33; }
