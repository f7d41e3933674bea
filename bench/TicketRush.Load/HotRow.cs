using System.Diagnostics;
using System.Globalization;
using TicketRush.Testing;

namespace TicketRush.Load;

/// <summary>
/// The transaction that everybody writes first, by pgbench on a PostgreSQL of this run's own: one row that all want, whose count goes down,
/// and an order. No limit for a buyer, and asking again buys again.
/// </summary>
internal static class HotRow
{
    public const int Clients = 16;

    private const string Tables = """
        DROP TABLE IF EXISTS stock, orders;
        CREATE TABLE stock (id int PRIMARY KEY, free int NOT NULL) WITH (fillfactor = 20);
        INSERT INTO stock VALUES (1, 2000000000);
        CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, buyer int NOT NULL);
        """;

    private const string Purchase = """
        BEGIN;
        UPDATE stock SET free = free - 1 WHERE id = 1 AND free > 0;
        INSERT INTO orders (buyer) VALUES (:client_id);
        COMMIT;
        """;

    /// <returns>Purchases per second.</returns>
    /// <exception cref="InvalidOperationException">pgbench failed.</exception>
    public static async Task<double> RunAsync(Run run, PostgresServer server)
    {
        using var scratch = run.Scratch();
        var script = Path.Combine(scratch.Path, "hot.sql");
        await File.WriteAllTextAsync(script, Purchase);
        server.Execute(Tables);
        string[] words =
        [
            "-h", "127.0.0.1", "-p", $"{server.Port}", "-U", "rush", "-n", "-M", "prepared", "-c", $"{Clients}", "-j", "2",
            "-T", $"{Math.Ceiling(run.Time.TotalSeconds)}", "-f", script, "postgres",
        ];
        var start = new ProcessStartInfo(Path.Combine(PostgresServer.Programs!, "pgbench"), words) { RedirectStandardOutput = true };
        start.Environment["PGPASSWORD"] = server.Password;
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        var rate = output.Split('\n').FirstOrDefault(line => line.StartsWith("tps = ", StringComparison.Ordinal));
        return rate is null
            ? throw new InvalidOperationException($"pgbench said: {output}")
            : double.Parse(rate.Split(' ')[2], CultureInfo.InvariantCulture);
    }
}
