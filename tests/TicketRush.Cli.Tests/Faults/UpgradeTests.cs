using System.Diagnostics;
using System.Net.Sockets;
using TicketRush.Server.Upgrades;

namespace TicketRush.Cli.Tests.Faults;

// Goal: a program is changed under a running sale, and nobody notices: no connection is refused, no request fails.
// Method: a crowd buys over connections that it keeps, others come with a new connection for each request; the server is upgraded again and
// again. The control restarts it instead, and must be seen to refuse. Terminals and the board: FrontsTests.
[Collection(nameof(FaultCollection))]
public sealed class UpgradeTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Upgrades_in_mid_sale_fail_no_request(bool postgres)
    {
        Needs.Linux();
        await using var cluster = postgres ? await Cluster.MakeAsync() : null;
        await using var place = postgres ? null : await Place.MakeAsync();
        var (shop, ledger) = (cluster?.Shop ?? place!.Shop, cluster?.Ledger ?? place!.Ledger);
        var state = cluster?.NewState() ?? place!.Data;
        var server = cluster is not null ? await cluster.ServeAsync(state) : await place!.ServeAsync();
        try
        {
            await using var newcomers = new Newcomers($"{server.Url}/api/sales/{Place.Sale}/availability");
            var crowd = new Crowd(shop, ledger, 8, _ => server.Url);
            var upgrades = Storm.IsFull ? 50 : 3;
            for (var i = 0; i < upgrades; i++)
            {
                var before = ledger.Done;
                await Until.TrueAsync(() => ledger.Done >= before + 50, "orders are acknowledged");
                var (code, said) = await RushCommand.RunAsync("upgrade", "--data", state);
                Assert.True(code == 0, said + server.Said);
            }

            Assert.True(server.HasExited);
            await crowd.StopAsync();
            await newcomers.StopAsync();
            output.WriteLine($"{upgrades} upgrades: {ledger.Summary}; {newcomers.Served} newcomers");
            Assert.Empty(newcomers.Failed);

            // A turn that a starting successor leaves without a processor for long is lost to the database's bound; so on a busy machine an
            // order may be told BUSY, which its buyer asks again by itself. Where nothing else runs, none is.
            var told = ledger.Summary.Replace($"{ledger.Done} done; ", "", StringComparison.Ordinal);
            if (postgres && !Storm.IsFull) Assert.Matches("^(BUSY [0-9])?$", told);
            else Assert.Equal("", told);
        }
        finally
        {
            await EndAsync(state);
        }

        if (cluster is not null) await cluster.SettleAndAuditAsync();
        else await place!.SettleAndAuditAsync();
    }

    [Fact]
    public async Task A_restart_instead_is_seen_to_refuse()
    {
        await using var place = await Place.MakeAsync();
        await using var server = await place.ServeAsync();
        await using var newcomers = new Newcomers($"{server.Url}/api/sales/{Place.Sale}/availability");
        await Until.TrueAsync(() => newcomers.Served > 20, "newcomers are served");
        server.Terminate();
        await server.WaitForExitAsync();
        await Until.TrueAsync(() => !newcomers.Failed.IsEmpty, "newcomers are refused");
    }

    [Fact]
    public async Task A_successor_that_does_not_start_changes_nothing()
    {
        await using var place = await Place.MakeAsync();
        var server = await place.ServeAsync();
        var keys = Path.Combine(place.Data, "session.key");
        var kept = await File.ReadAllTextAsync(keys);
        await File.WriteAllTextAsync(keys, "no key");
        var (code, said) = await RushCommand.RunAsync("upgrade", "--data", place.Data);
        await File.WriteAllTextAsync(keys, kept);
        Assert.Equal(1, code);
        Assert.Contains("goes on", said, StringComparison.Ordinal);
        Assert.Equal(200, (await place.BuyAsync(server, Place.NewWish()))!.Status);

        // And when what was wrong is put right, it can be upgraded all the same.
        (code, said) = await RushCommand.RunAsync("upgrade", "--data", place.Data);
        try
        {
            Assert.True(code == 0, said);
            Assert.Equal(200, (await place.BuyAsync(server, Place.NewWish()))!.Status);
        }
        finally
        {
            await EndAsync(place.Data);
        }
    }

    [Fact]
    public async Task A_supervisor_is_told_who_sells_and_who_does_after_an_upgrade()
    {
        await using var place = await Place.MakeAsync();
        var path = Path.Combine(place.Data, "notify");
        using var supervisor = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        supervisor.Bind(new UnixDomainSocketEndPoint(path));
        var server = await place.ServeAsync(environment: [new("NOTIFY_SOCKET", path)]);
        try
        {
            Assert.Equal("READY=1", Hear());
            var (code, said) = await RushCommand.RunAsync("upgrade", "--data", place.Data);
            Assert.True(code == 0, said + server.Said);
            Assert.Equal($"MAINPID={Registration.Find(place.Data).Single().Process}", Hear());
        }
        finally
        {
            await EndAsync(place.Data);
        }

        string Hear()
        {
            var bytes = new byte[256];
            return System.Text.Encoding.UTF8.GetString(bytes, 0, supervisor.Receive(bytes));
        }
    }

    /// <summary>The signal ends a process that does not expect it; one that has just been started expects it before it has read its
    /// journals, and does then what it was asked.</summary>
    [Fact]
    public async Task A_signal_that_comes_while_a_server_starts_is_heeded_when_it_sells()
    {
        await using var place = await Place.MakeAsync();
        var secret = Path.Combine(place.Data, "session.key");
        File.Move(secret, secret + ".kept");
        using (var made = Process.Start("mkfifo", [secret])) await made.WaitForExitAsync();
        await using var server = RushProcess.Start(place.Data);
        try
        {
            // It has come to where it reads its secret, and waits there for somebody to write it.
            var opening = Task.Run(() => new FileStream(secret, FileMode.Open, FileAccess.Write));
            await using (var pipe = await opening.WaitAsync(TimeSpan.FromSeconds(60)))
            {
                using (var signal = Process.Start("kill", ["-USR2", $"{server.Id}"])) await signal.WaitForExitAsync();
                await Task.Delay(300);
                File.Copy(secret + ".kept", secret + ".new");
                File.Move(secret + ".new", secret, overwrite: true);
                await pipe.WriteAsync(await File.ReadAllBytesAsync(secret));
            }

            await server.WaitUntilReadyAsync();
            Assert.Equal(0, await server.WaitForExitAsync());
            Assert.NotEqual(server.Id, Registration.Find(place.Data).Single().Process);
            Assert.Equal(200, (await place.BuyAsync(server, Place.NewWish()))!.Status);
        }
        finally
        {
            await EndAsync(place.Data);
        }
    }

    [Fact]
    public async Task A_successor_whose_predecessor_has_died_sells_and_says_so()
    {
        await using var place = await Place.MakeAsync();
        var path = Path.Combine(place.Data, "notify");
        using var supervisor = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        supervisor.Bind(new UnixDomainSocketEndPoint(path));

        // It is to say that it sells through a pipe at whose other end nobody is any more.
        await using var server = await RushProcess.StartAsync(
            place.Data, environment: [new("NOTIFY_SOCKET", path), new("RUSH_READY", "9")],
            before: ["bash", "-c", "exec 9> >(exit 0); sleep 0.5; exec \"$@\"", "bash"]);
        var bytes = new byte[256];
        Assert.Equal("READY=1", System.Text.Encoding.UTF8.GetString(bytes, 0, supervisor.Receive(bytes)));
        Assert.Equal(200, (await place.BuyAsync(server, Place.NewWish()))!.Status);
    }

    [Fact]
    public async Task A_server_on_a_Unix_socket_is_not_upgraded_and_goes_on()
    {
        await using var place = await Place.MakeAsync();
        var path = Path.Combine(place.Data, "http");
        await using var server = await RushProcess.StartAsync(place.Data, urls: $"http://unix:{path}");
        using var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, stop) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), stop);
                return new NetworkStream(socket, ownsSocket: true);
            },
        }) { BaseAddress = new("http://localhost"), DefaultRequestHeaders = { ConnectionClose = true } };
        try
        {
            Assert.True((await http.GetAsync("/health/ready")).IsSuccessStatusCode);
            var (code, said) = await RushCommand.RunAsync("upgrade", "--data", place.Data);
            Assert.Equal(1, code);
            Assert.Contains("Unix socket", said, StringComparison.Ordinal);
            Assert.True((await http.GetAsync("/health/ready")).IsSuccessStatusCode);
        }
        finally
        {
            await EndAsync(place.Data);
        }
    }

    /// <summary>It says that it is ready when it has read its journals, however long they are: systemd must not lose patience.</summary>
    [Fact]
    public void Systemd_waits_as_long_as_it_takes_to_start()
    {
        var unit = File.ReadAllLines(Path.Combine(Samples.ShopTests.Root(), "packaging", "ticketrush.service"));
        Assert.Contains("Type=notify", unit);
        Assert.Contains("TimeoutStartSec=infinity", unit);
    }

    /// <summary>Ends whoever serves now: successors are nobody's children here.</summary>
    internal static async Task EndAsync(string state)
    {
        foreach (var (process, _, _) in Registration.Find(state)) Process.GetProcessById(process).Kill();
        await Until.TrueAsync(() => Registration.Find(state).Count == 0, "the servers end");
    }

    /// <summary>Somebody who comes with a new connection every time.</summary>
    private sealed class Newcomers : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _task;
        private int _served;

        public Newcomers(string url) => _task = Task.Run(async () =>
        {
            using var http = new HttpClient { DefaultRequestHeaders = { ConnectionClose = true } };
            while (!_stop.IsCancellationRequested)
            {
                try
                {
                    using var answer = await http.GetAsync(url);
                    if (answer.IsSuccessStatusCode) Interlocked.Increment(ref _served);
                    else Failed.Enqueue($"{answer.StatusCode}");
                }
                catch (HttpRequestException e)
                {
                    Failed.Enqueue(e.ToString());
                }

                await Task.Delay(2);
            }
        });

        public System.Collections.Concurrent.ConcurrentQueue<string> Failed { get; } = new();

        public int Served => Volatile.Read(ref _served);

        public async Task StopAsync()
        {
            await _stop.CancelAsync();
            await _task;
        }

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            _stop.Dispose();
        }
    }
}
