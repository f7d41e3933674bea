using System.Globalization;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Postgres;
using TicketRush.Server;
using TicketRush.Testing;

namespace TicketRush.Load;

/// <summary>Sales in PostgreSQL, against the transaction that everybody writes first, on the same server in the same run.</summary>
internal static class Postgres
{
    private const int Callers = 512, Connections = 256;

    public static async Task RunAsync(Run run)
    {
        if (PostgresServer.Missing is { } why)
        {
            run.Report.Skip(why);
            return;
        }

        using var server = PostgresServer.Start();
        List<double> hot = [], one = [], same = [], apart = [], shares = [], batches = [], p99 = [];
        for (var i = 0; i < run.Runs; i++)
        {
            run.Report.Progress($"run {i + 1} of {run.Runs}: pgbench, hot row");
            hot.Add(await HotRow.RunAsync(run, server));
            run.Report.Progress($"run {i + 1} of {run.Runs}: one server");
            var alone = (await SellAsync(run, server, "a"))[0];
            one.Add(alone.PerSecond);
            batches.Add(alone.Batch);
            p99.Add(alone.P99);
            run.Report.Progress($"run {i + 1} of {run.Runs}: two servers, one sale");
            var two = await SellAsync(run, server, "a", "a");
            same.Add(two.Sum(seller => seller.PerSecond));
            shares.Add(two.Min(seller => seller.PerSecond) / two.Sum(seller => seller.PerSecond));
            run.Report.Progress($"run {i + 1} of {run.Runs}: two servers, two sales");
            apart.Add((await SellAsync(run, server, "a", "b")).Sum(seller => seller.PerSecond));
        }

        Row($"pgbench, hot row, {HotRow.Clients} clients", hot, ("flush", "fdatasync"));
        Row($"one server, {Callers} callers", one, ("batch", Median.Of(batches)), ("p99 ms", Median.Of(p99)));
        Row($"two servers, one sale, {Callers} each", same, ("smaller share", Median.Of(shares)));
        Row($"two servers, two sales, {Callers} each", apart);
        run.Report.Aim("one server, purchases/s", Median.Of(one), 150_000);
        run.Report.Aim("one server, times the hot row", Median.Of(one) / Median.Of(hot), 50);
        run.Report.Aim("two servers on one sale, of one", Median.Of(same) / Median.Of(one), 0.6);
        run.Report.Aim("two servers on two sales, of one", Median.Of(apart) / Median.Of(one), 0.9);
        await HttpAsync(run, server);

        void Row(string what, List<double> all, params (string Name, object Value)[] more) =>
            run.Report.Row(what, [("purchases/s", Median.Of(all)), ("min", all.Min()), ("max", all.Max()), .. more]);
    }

    /// <summary>One of the servers that sell from a database, as a process of its own.</summary>
    public static async Task<int> SellerAsync(string[] args)
    {
        var (connection, state, sale) = (args[1], args[2], args[3]);
        using var store = PostgresStore.Open(new() { Connection = connection, StateDirectory = state });
        var sequencer = new Sequencer(store.Open(sale));
        using var stop = new CancellationTokenSource();
        var watch = Task.Factory.StartNew(
            () =>
            {
                while (!stop.Token.WaitHandle.WaitOne(20)) sequencer.Tick();
            },
            TaskCreationOptions.LongRunning);

        var result = await Seller.SellAsync(sequencer, Callers, double.Parse(args[4], CultureInfo.InvariantCulture));
        await stop.CancelAsync();
        await watch;
        await sequencer.DisposeAsync();
        return result;
    }

    private static async Task<CrowdResult[]> SellAsync(Run run, PostgresServer server, params string[] sales)
    {
        using var scratch = run.Scratch();
        var connection = server.CreateDatabase();
        using (var store = PostgresStore.Open(new() { Connection = connection, StateDirectory = scratch.Path }))
        {
            foreach (var sale in sales.Distinct())
            {
                store.TryCreate(sale, Crowd.Plan(20_000_000));
                var sequencer = new Sequencer(store.Open(sale));
                await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } });
                await sequencer.DisposeAsync();
            }
        }

        return await Processes.RunAsync(sales.Select(sale => new[]
        {
            "postgres-seller", connection, scratch.Path, sale, run.Time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
        }));
    }

    private static async Task HttpAsync(Run run, PostgresServer server)
    {
        if (!Wrk.IsThere(run)) return;
        List<double> files = [], rows = [], ratios = [];
        for (var i = -1; i < run.Runs; i++)
        {
            run.Report.Progress($"HTTP, run {Math.Max(i + 1, 0)} of {run.Runs}");
            var file = await PutAsync(run, null);
            var row = await PutAsync(run, server.CreateDatabase());
            if (i < 0) continue;
            files.Add(file);
            rows.Add(row);
            ratios.Add(row / file);
        }

        run.Report.Row(
            $"HTTP, {Connections} connections, file", ("requests/s", Median.Of(files)), ("min", files.Min()), ("max", files.Max()));
        run.Report.Row(
            $"HTTP, {Connections} connections, PostgreSQL", ("requests/s", Median.Of(rows)), ("min", rows.Min()), ("max", rows.Max()));
        run.Report.Aim("HTTP, of the file journal", Median.Of(ratios), 0.8);
    }

    private static async Task<double> PutAsync(Run run, string? journal)
    {
        using var scratch = run.Scratch();
        await using var app = RushServer.Build(
            new() { DataDirectory = scratch.Path, Journal = journal, Urls = ["http://127.0.0.1:0"], OfficeKey = Shop.Key });
        await app.StartAsync();
        var url = app.Urls.First();
        using var shop = new Shop(url);
        await shop.MakeSaleAsync();
        var result = await Wrk.RunAsync(url, Connections, run.Time, await Shop.WriteScriptAsync(scratch.Path, "/api/sales/load/orders/"));
        await app.StopAsync();
        return result.PerSecond;
    }
}
