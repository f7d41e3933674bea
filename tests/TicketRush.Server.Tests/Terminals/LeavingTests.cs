using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Tests.Hosting;
using TicketRush.Server.Upgrades;

namespace TicketRush.Server.Tests.Terminals;

/// <summary>The sockets of the terminals port: given to a successor, asked whether somebody is still there, opened where a family is
/// missing.</summary>
public sealed partial class LeavingTests
{
    [Fact]
    public async Task A_successor_takes_the_port_over_and_who_was_connected_is_answered_and_comes_again()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("upgrades need Linux");
        await using var first = await RunningServer.StartAsync(terminals: new());
        var plan = Plans.Concert(capacity: 100_000, payment: "none", perBuyer: 1_000_000);
        var sale = (await first.OpenSaleAsync(plan)).Split('/')[^1];
        var (port, drain) = (first.TerminalPort, first.App.Services.GetRequiredService<Drain>());
        first.Client.Dispose();
        await using var quiet = await Terminal.ConnectAsync(first);
        await using var watcher = await Terminal.ConnectAsync(first);
        await watcher.AskArrayAsync("WATCH", sale);
        await using var buyer = await Terminal.ConnectAsync(first);
        Assert.True(drain.Connections >= 3, $"{drain.Connections} connections are counted");

        // The successor has the listening socket itself, as a process that is started from here would.
        var sockets = first.App.Services.GetRequiredService<ListenSockets>();
        Socket[] all = [.. sockets.Share().Split(';').Select(Inherit)];
        var given = Assert.Single(all, socket => PortOf(socket) == port);
        await using var second = await RunningServer.StartAsync(
            first.Directory, terminals: new(), endpoint: $"127.0.0.1:{port}", configure: builder => builder.Services
                .Configure<SocketTransportOptions>(transport => transport.CreateBoundListenSocket = endpoint =>
                    endpoint is IPEndPoint ip && ip.Port == port
                        ? given
                        : SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint)));
        foreach (var other in all.Where(socket => socket != given)) other.Dispose();
        sockets.Leave();

        // Who asks one thing after the other is answered whatever it has asked, and is then, or when it asks again, told to go.
        var ids = new List<string>();
        var bought = new List<object?[]>();
        var buying = Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    ids.Add(Plans.NewId());
                    bought.Add(await buyer.AskArrayAsync("BUY", sale, ids[^1], "ann", "floor", "1"));
                }
            }
            catch (Exception e) when (e is IOException or EndOfStreamException)
            {
                // The end: what was not answered is asked again elsewhere.
            }
        });
        await Plans.UntilAsync(() => Task.FromResult(bought.Count > 20), "purchases");
        await drain.LeaveAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(0, drain.Connections);
        await buying;
        Assert.Equal(bought.Count + 1, ids.Count);
        Assert.Equal("", await quiet.ReadToEndAsync());
        await watcher.ReadToEndAsync();

        await using var again = await Terminal.ConnectAsync(port);
        for (var i = 0; i < bought.Count; i++) Assert.Equal(bought[i], await again.AskArrayAsync("BUY", sale, ids[i], "ann", "floor", "1"));
        Assert.Equal(1L + bought.Count, (await again.AskArrayAsync("BUY", sale, ids[bought.Count], "ann", "floor", "1"))[3]);
    }

    // Goal: a watcher whose machine has lost its power keeps no place for ever. Method: a filter on its socket drops whatever comes, so
    // that nothing is acknowledged and nothing refused; once with nothing on its way to it, and once with something.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_watcher_whose_machine_is_gone_gives_its_place_back(bool isSentTo)
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("needs a socket filter of Linux");
        await using var server = await RunningServer.StartAsync(
            terminals: new() { Watches = 1, SilentPeerMax = TimeSpan.FromSeconds(2) });
        var sale = (await server.OpenSaleAsync()).Split('/')[^1];
        await using var gone = await Terminal.ConnectAsync(server);
        await gone.AskArrayAsync("WATCH", sale);
        await using var other = await Terminal.ConnectAsync(server);
        await other.AskRefusedAsync("TOO_MANY_WATCHES", "WATCH", sale);
        Silence(gone.Socket);
        if (isSentTo) await other.AskArrayAsync("HOLD", sale, Plans.NewId(), "ann", "floor", "1");
        await Plans.UntilAsync(async () => await other.AskAsync("WATCH", sale) is object?[], "its place");

        // Nobody's defect.
        Assert.DoesNotContain(server.Logged, line => line.Contains("defect", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("*:0")]
    [InlineData("localhost:0")]
    public async Task All_addresses_are_those_that_there_are(string endpoint)
    {
        await using var server = await RunningServer.StartAsync(
            terminals: new(), endpoint: endpoint, configure: builder => builder.Services.Configure<SocketTransportOptions>(
                transport => transport.CreateBoundListenSocket = address => address.AddressFamily == AddressFamily.InterNetworkV6
                    ? throw new SocketException((int)SocketError.AddressFamilyNotSupported)
                    : SocketTransportOptions.CreateDefaultBoundListenSocket(address)));
        await using var terminal = await Terminal.ConnectAsync(server);
        Assert.Equal("PONG", await terminal.AskAsync("PING"));
    }

    private static int PortOf(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;

    private static Socket Inherit(string shared)
    {
        var descriptor = Duplicate(int.Parse(shared.Split('=')[0], System.Globalization.CultureInfo.InvariantCulture));
        return new(new SafeSocketHandle(descriptor, ownsHandle: true));
    }

    private static unsafe void Silence(Socket socket)
    {
        const int SocketLevel = 1, AttachFilter = 26;

        // One instruction: return 0, which keeps nothing of what comes.
        var instruction = 0x06UL;
        var filter = new Filter { Length = 1, Instructions = (nint)(&instruction) };
        socket.SetRawSocketOption(SocketLevel, AttachFilter, new ReadOnlySpan<byte>(&filter, sizeof(Filter)));
    }

    private struct Filter
    {
        public ushort Length;
        public nint Instructions;
    }

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int descriptor);
}
