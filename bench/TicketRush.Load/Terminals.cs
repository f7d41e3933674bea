using System.Globalization;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Journal;
using TicketRush.Server;
using TicketRush.Server.Terminals;
using TicketRush.Testing;

namespace TicketRush.Load;

/// <summary>
/// Purchases through the terminals port, by redis-benchmark with 50 connections, against our own PING, and in turn against what others do
/// for the same purchase: Redis with a script and <c>appendfsync always</c> (id looked up and answered again, places, buyer's limit,
/// order's row), and PostgreSQL's hot row (places and the order's row; no limit, no repetition).
/// </summary>
internal static class Terminals
{
    private const int Strangers = 5_000;

    private static string[] Buy => ["BUY", "load", RedisBenchmark.Id, RedisBenchmark.Buyer, "standing", "1"];

    public static async Task RunAsync(Run run)
    {
        if (!File.Exists(RedisBenchmark.Program))
        {
            run.Report.Skip("redis-benchmark is not installed (on Debian: apt-get install redis-tools)");
            return;
        }

        using var scratch = run.Scratch();
        TerminalEndpoint.TryParse("127.0.0.1:0", out var endpoint);
        await using var app = RushServer.Build(new()
        {
            DataDirectory = scratch.Path,
            Urls = ["http://127.0.0.1:0"],
            OfficeKey = Shop.Key,
            Terminals = endpoint,
            TerminalLimits = new() { Strangers = 2 * Strangers, StrangersPerNetwork = 2 * Strangers, HandshakeMax = TimeSpan.FromHours(1) },
        });
        await app.StartAsync();
        using var shop = new Shop(app.Urls.First());
        await shop.MakeSaleAsync();
        await shop.MakeSoldOutAsync();
        var port = int.Parse(app.Services.GetRequiredService<TerminalListener>().Address.Split(':')[^1], CultureInfo.InvariantCulture);
        var sequencer = app.Services.GetRequiredService<Sales>().Find("load")!.Sequencer!;

        using var redisScratch = run.Scratch();
        await using var redis = RedisPeer.IsInstalled ? await RedisPeer.StartAsync(redisScratch.Path) : null;
        if (redis is null) run.Report.LeaveOut("Redis", "redis-server is not installed (on Debian: apt-get install redis-server)");
        using var postgres = PostgresServer.Missing is null ? PostgresServer.Start() : null;
        if (postgres is null) run.Report.LeaveOut("PostgreSQL", PostgresServer.Missing!);

        var seconds = run.Time.TotalSeconds;
        var (deep, lone) = ((int)(400_000 * seconds), (int)(40_000 * seconds));
        List<double> ping16 = [], buy16 = [], batches = [], redis16 = [], ping1 = [], buy1 = [], redis1 = [];
        List<double> p99 = [], crowded = [], pings = [], refusals = [], postgresBuys = [];
        for (var i = -1; i < run.Runs; i++)
        {
            // The first is a warm-up of all of them.
            var count = i < 0 ? 4 : 1;
            Progress("our PING, pipeline 16");
            Add(ping16, (await RedisBenchmark.RunAsync(port, Shop.Key, 16, deep / count, "PING")).PerSecond);
            Progress("our BUY, pipeline 16");
            var before = sequencer.Appended;
            Add(buy16, (await RedisBenchmark.RunAsync(port, Shop.Key, 16, deep / count, Buy)).PerSecond);
            AssertSold(deep / count);
            Add(batches, (double)(sequencer.Appended.Entries - before.Entries) / (sequencer.Appended.Batches - before.Batches));
            Progress("our PING, pipeline 1");
            Add(ping1, (await RedisBenchmark.RunAsync(port, Shop.Key, 1, lone / count, "PING")).PerSecond);
            Progress("our BUY, pipeline 1");
            before = sequencer.Appended;
            var alone = await RedisBenchmark.RunAsync(port, Shop.Key, 1, lone / count, Buy);
            AssertSold(lone / count);
            Add(buy1, alone.PerSecond);
            Add(p99, alone.P99);
            Progress($"our BUY, pipeline 1, {Strangers:N0} silent strangers");
            using (var strangers = new Silent(port, Strangers))
            {
                // As many as came are still there: their silence is what is measured.
                var here = app.Services.GetRequiredService<TerminalServices>().Door.Strangers;
                if (here < Strangers) throw new InvalidOperationException($"{here:N0} strangers of {Strangers:N0} were let in.");
                Add(crowded, (await RedisBenchmark.RunAsync(port, Shop.Key, 1, lone / count, Buy)).P99);
            }

            Progress("refusals and PING in lockstep");
            Add(pings, await Lockstep.RunAsync(port, run.Time / count, refused: false));
            Add(refusals, await Lockstep.RunAsync(port, run.Time / count, refused: true));

            if (redis is not null)
            {
                Progress("Redis, pipeline 16 and 1");
                var had = await redis.OrdersAsync();
                Add(redis16, (await RedisBenchmark.RunAsync(redis.Port, null, 16, deep / 3 / count, redis.Buy)).PerSecond);
                Add(redis1, (await RedisBenchmark.RunAsync(redis.Port, null, 1, lone / count, redis.Buy)).PerSecond);
                if (await redis.OrdersAsync() - had < deep / 3 / count)
                    throw new InvalidOperationException("Redis has fewer orders than it answered.");
            }

            if (postgres is null) continue;
            Progress("PostgreSQL");
            Add(postgresBuys, await HotRow.RunAsync(run, postgres));

            void AssertSold(int asked)
            {
                var sold = sequencer.Appended.Entries - before.Entries;
                if (sold != asked) throw new InvalidOperationException($"{asked:N0} were to be sold, and {sold:N0} were.");
            }

            void Progress(string what) => run.Report.Progress($"run {Math.Max(i + 1, 0)} of {run.Runs}: {what}");

            void Add(List<double> to, double value)
            {
                if (i >= 0) to.Add(value);
            }
        }

        run.Report.Row(
            "a purchase", ("ours and Redis's", "id looked up and answered again, places, buyer's limit, ticket numbers, order"),
            ("PostgreSQL's", "places, order"));
        Row("PING, 50 connections, pipeline 16", ping16);
        Row("BUY, durable, pipeline 16", buy16, ("batch", Median.Of(batches)), ("flush", "fdatasync"));
        Row("PING, pipeline 1", ping1);
        Row("BUY, durable, pipeline 1", buy1, ("p99 ms", Median.Of(p99)));
        Row("PING in lockstep, pipeline 16", pings, ("of redis-benchmark's", Ratio(pings, ping16)));
        Row("SOLD_OUT in lockstep, pipeline 16", refusals);
        run.Report.Aim("BUY of our PING, pipeline 16", Ratio(buy16, ping16), 0.35);
        run.Report.Aim("refusals of our PING, both in lockstep, 16", Ratio(refusals, pings), 0.60);
        run.Report.Aim("BUY, pipeline 1, p99 ms", Median.Of(p99), 5, atLeast: false);
        run.Report.Aim($"… with {Strangers:N0} silent strangers, times as long", Ratio(crowded, p99), 2, atLeast: false);
        if (redis is not null)
        {
            Row("Redis: script, appendfsync always, 16", redis16);
            Row("Redis: the same, pipeline 1", redis1);
            run.Report.Aim("BUY, times Redis's, pipeline 16", Ratio(buy16, redis16), 3);
            run.Report.Aim("BUY, times Redis's, pipeline 1", Ratio(buy1, redis1), 1);
        }

        if (postgres is not null)
        {
            Row("PostgreSQL: hot row and order, pgbench -c 16", postgresBuys);
            run.Report.Aim("BUY, times PostgreSQL's hot row", Ratio(buy16, postgresBuys), 50);
        }

        await app.StopAsync();

        void Row(string what, List<double> all, params (string Name, object Value)[] more) =>
            run.Report.Row(what, [("per second", Median.Of(all)), ("min", all.Min()), ("max", all.Max()), .. more]);

        static double Ratio(List<double> one, List<double> other) => Median.Of(one.Zip(other, (mine, theirs) => mine / theirs));
    }

    /// <summary>Connections that say nothing.</summary>
    private sealed class Silent : IDisposable
    {
        private readonly List<Socket> _sockets = [];

        public Silent(int port, int count)
        {
            for (var i = 0; i < count; i++)
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                socket.Connect("127.0.0.1", port);
                _sockets.Add(socket);
            }

            // The server accepts them a little later than they connect.
            Thread.Sleep(1_000);
        }

        public void Dispose()
        {
            foreach (var socket in _sockets) socket.Dispose();
        }
    }
}
