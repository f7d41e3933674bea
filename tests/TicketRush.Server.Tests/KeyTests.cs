using System.Text;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

public sealed class KeyTests(RunningServer server) : IClassFixture<RunningServer>
{
    private const string Id = "3f2504e0-4f89-11d3-9a0c-0305e82c3301";

    public static TheoryData<string, string, string?> Guarded => new()
    {
        { "PUT", "", Plans.Concert() },
        { "POST", "/open", null },
        { "POST", "/pause", null },
        { "POST", "/close", null },
        { "PUT", $"/holds/{Id}", Plans.Hold() },
        { "POST", $"/holds/{Id}/extend", null },
        { "POST", $"/holds/{Id}/pay", "{}" },
        { "DELETE", $"/holds/{Id}", null },
        { "PUT", $"/orders/{Id}", Plans.Order() },
        { "POST", $"/orders/{Id}/refund", Plans.Refund() },
        { "GET", "/orders", null },
        { "GET", $"/holds/{Id}", null },
        { "GET", $"/orders/{Id}", null },
    };

    [Theory]
    [MemberData(nameof(Guarded))]
    public async Task What_changes_something_and_the_list_of_orders_need_the_key(string method, string path, string? body)
    {
        var sale = await server.OpenSaleAsync();
        string?[] wrong =
        [
            null, "Bearer wrong", $"Bearer {RunningServer.Key}x", $"Bearer {RunningServer.Key[..^1]}", "Bearer", "Bearer ",
            RunningServer.Key,
            $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"office:{RunningServer.Key}"))}", $"Digest {RunningServer.Key}",
        ];
        foreach (var authorization in wrong)
        {
            (string, string)[] headers = authorization is null
                ? [("Idempotency-Key", "k")]
                : [("Idempotency-Key", "k"), ("Authorization", authorization)];
            var answer = (await server.SendAsync(method, sale + path, body, key: null, headers)).Is(401, "UNAUTHORIZED");
            Assert.Equal("Bearer", answer.Authenticate);
        }

        Assert.Equal(3, await server.SequenceAsync(sale));
        Assert.NotEqual(401, (await server.SendAsync(method, sale + path, body, RunningServer.Key, ("Idempotency-Key", "k"))).Status);
    }

    [Fact]
    public async Task What_only_looks_needs_no_key()
    {
        var sale = await server.OpenSaleAsync();
        (await server.PutAsync($"{sale}/orders/{Id}", Plans.Order())).Is(200);
        foreach (var path in new[] { "/api/sales", sale, $"{sale}/availability", "/health/live", "/health/ready", "/openapi/v1.json", "/" })
            (await server.SendAsync("GET", path, null, key: null)).Is(200);
    }

    [Fact]
    public async Task The_key_that_is_made_is_kept_as_a_hash_that_only_its_owner_reads()
    {
        await using var made = await RunningServer.StartAsync(officeKey: null);
        var key = ((KeyRing)made.App.Services.GetService(typeof(KeyRing))!).Made!;
        Assert.Matches("^rush_office_[0-9a-f]{8}_[0-9a-f]{64}$", key);
        (await made.SendAsync("PUT", "/api/sales/mine", Plans.Concert(), key)).Is(200);

        var file = Path.Combine(made.Directory, "keys.json");
        Assert.DoesNotContain(key[21..], await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));

        // The second server of the directory takes the same key, and cannot show it.
        await using var second = await RunningServer.StartAsync(made.Directory, officeKey: null);
        Assert.Null(((KeyRing)second.App.Services.GetService(typeof(KeyRing))!).Made);
        (await second.SendAsync("POST", "/api/sales/mine/open", null, key)).Is(200);
    }

    /// <summary>A database that had no room for one more connection is asked again: a version of its own comes only once.</summary>
    [Fact]
    public async Task A_revocation_that_could_not_be_read_is_read_when_it_can_be()
    {
        var kept = new SharedText();
        var (there, reading) = (KeyRing.Open(new Secrets(kept)), new Secrets(kept));
        var here = KeyRing.Open(reading);
        var told = new System.Collections.Concurrent.ConcurrentQueue<string>();
        here.OnUnreadable = told.Enqueue;
        var (key, secret) = there.Add("web", Role.Shop);
        await Plans.UntilAsync(() => Task.FromResult(here.Find(secret) is not null), "the key is known");

        reading.IsAway = true;
        Assert.True(there.Revoke(key.Id));
        await Plans.UntilAsync(() => Task.FromResult(here.Find(secret) is not null && reading.Refused >= 3), "it has tried again");
        Assert.Single(told);
        reading.IsAway = false;
        await Plans.UntilAsync(() => Task.FromResult(here.Find(secret) is null), "the key has ended");
    }

    private sealed class SharedText
    {
        public string? Text { get; set; }

        public long Version { get; set; }
    }

    /// <summary>Secrets as a database keeps them: their versions are numbers, known also when they cannot be read.</summary>
    private sealed class Secrets(SharedText kept) : ISecrets
    {
        public bool IsAway { get; set; }

        public int Refused { get; private set; }

        public string Describe(string name) => name;

        public SecretStamp Stamp(string name) => kept.Version == 0 ? default : new(DateTime.UnixEpoch, kept.Version);

        public string? Read(string name)
        {
            if (!IsAway) return kept.Text;
            Refused++;
            throw new IOException("Sorry, too many clients already.");
        }

        public bool TryAdd(string name, string text) => throw new NotSupportedException();

        public void Change(string name, Func<string?, string?> change)
        {
            if (change(kept.Text) is { } text) (kept.Text, kept.Version) = (text, kept.Version + 1);
        }
    }

    [Fact]
    public void A_short_key_is_not_taken()
    {
        using var directory = new TemporaryDirectory();
        var options = new ServerOptions { DataDirectory = directory.Path, OfficeKey = "short", Urls = ["http://127.0.0.1:0"] };
        Assert.Throws<ArgumentException>(() => { RushServer.Build(options); });
    }

    [Fact]
    public async Task Neither_the_log_nor_the_journal_knows_who_bought_or_with_which_id()
    {
        await using var quiet = await RunningServer.StartAsync();
        var sale = await quiet.OpenSaleAsync();
        var (id, other) = (Guid.NewGuid(), Guid.NewGuid());
        (await quiet.PutAsync($"{sale}/holds/{id}", Plans.Hold("Anneliese Schmidt"))).Is(200);
        (await quiet.PostAsync($"{sale}/holds/{id}/extend", null, ("Idempotency-Key", "a secret request"))).Is(200);
        (await quiet.PostAsync($"{sale}/holds/{id}/pay", Plans.Pay("bank-ref-4711"))).Is(200);
        (await quiet.PostAsync($"{sale}/holds/{id}/pay", Plans.Pay("bank-ref-4712"))).Is(409, "ALREADY_PAID");
        (await quiet.PutAsync($"{sale}/orders/{other:N}", Plans.Order("Anneliese Schmidt", reference: "bank-ref-4713"))).Is(200);
        (await quiet.PutAsync($"{sale}/holds/{Guid.NewGuid()}", "{\"buyer\":\"Anneliese Schmidt\"")).Is(400);

        // What goes wrong is logged too; it must not carry along what was asked.
        await File.WriteAllTextAsync(quiet.JournalOf("/broken"), new string('x', 10_000));
        (await quiet.PutAsync($"/api/sales/broken/holds/{id}", Plans.Hold("Anneliese Schmidt"))).Is(503, "SALE_STOPPED");

        string[] secrets = [
            RunningServer.Key, id.ToString(), id.ToString("N"), other.ToString("N"), "Anneliese", "bank-ref", "a secret request"];
        Assert.NotEmpty(quiet.Logged);
        foreach (var secret in secrets)
            Assert.DoesNotContain(quiet.Logged, line => line.Contains(secret, StringComparison.OrdinalIgnoreCase));

        foreach (var path in Directory.GetFiles(quiet.Directory))
        {
            var bytes = ReadShared(path);
            foreach (var secret in secrets) Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(secret)));
            foreach (var guid in new[] { id, other })
            {
                Assert.Equal(-1, bytes.AsSpan().IndexOf(guid.ToByteArray(bigEndian: true)));
                Assert.Equal(-1, bytes.AsSpan().IndexOf(guid.ToByteArray()));
            }
        }
    }

    private static byte[] ReadShared(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    internal sealed class TemporaryDirectory : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("rush-key-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
