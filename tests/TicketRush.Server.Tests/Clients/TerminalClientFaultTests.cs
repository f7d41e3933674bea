using TicketRush.Client;
using TicketRush.Engine;
using TicketRush.Server.Api;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Clients;

/// <summary>What the client tells its caller when the server, the key or the network fail it.</summary>
public sealed class TerminalClientFaultTests
{
    private const string Stopped = "-SALE_STOPPED The sale is stopped.\r\n";
    private const string Busy = "-BUSY Too many ask.\r\n";
    private const string Unknown = "-OUTCOME_UNKNOWN Nobody knows yet.\r\n";

    [Theory]

    // Nobody knows what became of the first try, and the last answer speaks of its own try alone.
    [InlineData(Unknown, Stopped, null)]
    [InlineData(Unknown, Busy, null)]
    [InlineData(Unknown, "-DISK_FULL x\r\n", null)]
    [InlineData(FakeTerminals.Cut, Stopped, null)]
    [InlineData(FakeTerminals.Cut, Busy, null)]
    [InlineData(FakeTerminals.Cut, "-FORBIDDEN x\r\n", null)]
    [InlineData(FakeTerminals.Cut, "-UNKNOWN_SALE x\r\n", null)]
    [InlineData(FakeTerminals.Cut, "-A_NEWER_CODE x\r\n", null)]
    [InlineData(Unknown, Unknown, null)]

    // The sale looked for the id before it refused.
    [InlineData(Unknown, "-SOLD_OUT x\r\n", "SOLD_OUT")]
    [InlineData(FakeTerminals.Cut, "-SOLD_OUT x\r\n", "SOLD_OUT")]

    // Nothing was started by any try.
    [InlineData(Busy, Busy, "BUSY")]
    [InlineData(Stopped, Busy, "BUSY")]
    [InlineData(Busy, "-FORBIDDEN x\r\n", "FORBIDDEN")]
    [InlineData("-A_NEWER_CODE x\r\n", "", "A_NEWER_CODE")]
    public async Task What_may_have_happened_is_never_called_refused(string first, string then, string? refused)
    {
        var count = 0;
        using var server = new FakeTerminals((_, _) => ++count == 1 ? first : then);
        await using var terminal = new TerminalClient(Hurried(server));
        var id = Guid.NewGuid();
        var said = await BuyAsync();

        // On a busy machine the last try may go out too late to be answered in time, and what becomes of that one is not known.
        for (var more = 0; refused is not null && said is RushUnknownException { InnerException: TimeoutException } && more < 3; more++)
            said = await BuyAsync();
        if (refused is null) Assert.IsType<RushUnknownException>(said);
        else Assert.Equal(refused, Assert.IsType<RushRefusedException>(said).Code);
        Assert.All(server.Asked, asked => Assert.Contains($"{id}", asked.Words, StringComparison.Ordinal));

        ValueTask<Exception?> BuyAsync()
        {
            count = 0;
            return Record.ExceptionAsync(async () => await terminal.BuyAsync("spring", id, "ann", "floor", 1));
        }
    }

    [Fact]
    public async Task What_changes_nothing_is_refused_whatever_was_lost_before()
    {
        using var server = new FakeTerminals((connection, _) => connection == 1 ? FakeTerminals.Cut : Busy);
        await using var terminal = new TerminalClient(Hurried(server));
        Assert.Equal("BUSY", (await Assert.ThrowsAsync<RushRefusedException>(() => terminal.SalesAsync())).Code);
    }

    [Fact]
    public void Every_refusal_of_a_sale_settles_what_was_lost_before_it()
    {
        var codes = Enum.GetValues<Refusal>().Where(refusal => refusal != Refusal.None).Select(Problems.Code).ToArray();
        Assert.True(codes.Length > 30);
        Assert.All(codes, code => Assert.True(RushCodes.Decided.Contains(code), code));
        Assert.Equal(codes.Length, RushCodes.Decided.Count);
    }

    [Fact]
    public async Task A_key_that_is_lost_while_a_command_is_under_way_leaves_that_one_unknown_and_refuses_the_others()
    {
        FakeTerminals server = null!;
        server = new((_, _) =>
        {
            server.HasKey = false;
            return FakeTerminals.Cut;
        });
        using (server)
        {
            await using var terminal = new TerminalClient(Hurried(server) with { PipelineMax = 1 });
            var (sent, kept) = (Buy(terminal), Buy(terminal));
            Assert.IsType<RushImpostorException>((await Assert.ThrowsAsync<RushUnknownException>(() => sent)).InnerException);
            await Assert.ThrowsAsync<RushImpostorException>(() => kept);
            Assert.Single(server.Asked);

            // It is not so for ever.
            server.HasKey = true;
            await Assert.ThrowsAsync<RushUnknownException>(() => Buy(terminal));
            Assert.Equal(2, server.Asked.Count);
        }
    }

    [Fact]
    public async Task A_command_that_is_too_long_is_not_sent()
    {
        using var server = new FakeTerminals((_, _) => FakeTerminals.Paid);
        await using var terminal = new TerminalClient(Hurried(server));
        string[] Names(int count, int length) => [.. Enumerable.Range(0, count).Select(i => $"{i}".PadLeft(length, 'x'))];
        foreach (var (buyer, places) in new (string, TerminalPlaces?)[]
        {
            (new('x', 1_025), null),
            (new('票', 342), null),
            ("ann", new() { Seats = Names(250, 4) }),
            ("ann", new() { Seats = Names(40, 1_000) }),
            ("\ud800", null),
        })
        {
            await Assert.ThrowsAnyAsync<ArgumentException>(
                () => terminal.BuyAsync("spring", Guid.NewGuid(), buyer, "floor", 1, null, places));
        }

        Assert.Equal("paid", (await Buy(terminal)).State);
        Assert.Equal((1, 1), (server.Asked.Count, server.Connections));
    }

    [Fact]
    public async Task A_command_that_the_server_cannot_read_ends_alone()
    {
        using var server = new FakeTerminals((_, words) => words[3] == "poison" ? "-PROTOCOL_ERROR no command\r\n" : FakeTerminals.Paid);
        await using var terminal = new TerminalClient(Hurried(server));
        var all = Enumerable.Range(0, 20)
            .Select(i => terminal.BuyAsync("spring", Guid.NewGuid(), i == 7 ? "poison" : "ann", "floor", 1)).ToArray();
        var refused = await Assert.ThrowsAsync<RushRefusedException>(() => all[7]);
        Assert.Equal("PROTOCOL_ERROR", refused.Code);
        foreach (var other in all.Where((_, i) => i != 7)) Assert.Equal("paid", (await other).State);
        Assert.Single(server.Asked, asked => asked.Words.Contains("poison", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_owes_an_answer_and_says_nothing_is_left_for_another_connection()
    {
        using var server = new FakeTerminals((connection, _) => connection == 1 ? FakeTerminals.Mute : FakeTerminals.Paid);
        await using var terminal = new TerminalClient(Patient(server) with { Retry = Silence(1) });
        var id = Guid.NewGuid();
        Assert.Equal("paid", (await terminal.BuyAsync("spring", id, "ann", "floor", 1)).State);
        Assert.Equal([1, 2], server.Asked.Select(asked => asked.Connection));
        Assert.All(server.Asked, asked => Assert.Contains($"{id}", asked.Words, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_owes_nothing_may_be_silent()
    {
        using var server = new FakeTerminals((_, _) => FakeTerminals.Paid);
        await using var terminal = new TerminalClient(Patient(server) with { Retry = Silence(1) });
        await Buy(terminal);
        await Task.Delay(2_500);
        await Buy(terminal);
        Assert.Equal(1, server.Connections);
    }

    [Fact]
    public async Task A_watch_whose_server_says_nothing_goes_on_behind_its_last_entry_elsewhere()
    {
        var watches = 0;
        using var server = new FakeTerminals((_, words) => words[0] switch
        {
            "HELLO" => "+OK\r\n",
            "WATCH" => "+OK\r\n" + Entry(++watches),
            _ => FakeTerminals.Mute,
        });
        await using var terminal = new TerminalClient(Patient(server) with { Retry = Silence(1) });
        Assert.Equal([1, 2, 3], await TakeAsync(terminal, 3));
        Assert.Equal(["WATCH spring AFTER 0", "WATCH spring AFTER 1", "WATCH spring AFTER 2"], Watches(server));
        Assert.Contains(server.Asked, asked => asked.Words == "PING");
    }

    [Fact]
    public async Task A_quiet_watch_whose_server_answers_is_kept_and_so_is_one_whose_reader_takes_its_time()
    {
        var pings = 0;
        using var server = new FakeTerminals((_, words) => words[0] switch
        {
            "HELLO" => "+OK\r\n",
            "WATCH" => "+OK\r\n" + Entry(1),
            "PING" => "+PONG\r\n>2\r\n$5\r\nnewer\r\n:1\r\n" + (Interlocked.Increment(ref pings) == 3 ? Entry(2) : ""),
            _ => FakeTerminals.Mute,
        });
        await using var terminal = new TerminalClient(Patient(server) with { Retry = Silence(2) });
        var seen = 0;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await foreach (var entry in terminal.WatchAsync("spring", stop: deadline.Token))
        {
            Assert.Equal(++seen, entry.Sequence);
            if (seen == 2) break;
            await Task.Delay(2_500);
        }

        // The client's own connection asks nothing, and is the other one.
        Assert.Single(Watches(server));
        Assert.Equal(3, pings);
    }

    [Fact]
    public async Task A_connection_without_traffic_is_probed_by_the_kernel()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("needs Linux: /proc/net/tcp6");
        using var server = new FakeTerminals((_, _) => FakeTerminals.Paid);
        await using var terminal = new TerminalClient(Patient(server));
        await Buy(terminal);

        // The timer "2" is that of keep-alive; the client's socket is the one whose other end is the server's port.
        var port = $":{server.Port:X4}";
        await Plans.UntilAsync(
            () => Task.FromResult(File.ReadLines("/proc/net/tcp").Concat(File.ReadLines("/proc/net/tcp6"))
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Any(row => row.Length > 5 && row[2].EndsWith(port, StringComparison.Ordinal) && row[3] == "01"
                    && row[5].StartsWith("02:", StringComparison.Ordinal))),
            "a keep-alive timer");
    }

    [Theory]
    [InlineData("-NONCE_EXPIRED x\r\n")]
    [InlineData("-RATE_LIMITED x\r\n")]
    [InlineData("-HANDSHAKE_TIMEOUT x\r\n")]
    [InlineData("-TOO_MANY_CONNECTIONS x\r\n")]
    [InlineData(FakeTerminals.Cut)]
    public async Task What_is_no_verdict_on_the_key_is_tried_again_unseen(string said)
    {
        using var server = new FakeTerminals((_, _) => FakeTerminals.Paid)
        {
            OnProof = connection => connection <= 2 ? said : "+OK\r\n",
        };
        await using var terminal = new TerminalClient(Patient(server));
        Assert.Equal("paid", (await Buy(terminal)).State);
        Assert.Equal(3, server.Connections);
    }

    [Fact]
    public async Task A_key_that_is_not_taken_refuses_who_asks_now_and_is_tried_again_for_who_asks_then()
    {
        using var server = new FakeTerminals((_, _) => FakeTerminals.Paid)
        {
            OnProof = connection => connection == 1 ? "-UNAUTHORIZED x\r\n" : "+OK\r\n",
        };
        await using var terminal = new TerminalClient(Patient(server));
        await Plans.UntilAsync(() => Task.FromResult(server.Connections == 1), "a connection");
        var first = await Record.ExceptionAsync(() => Buy(terminal));

        // Whoever comes after the first proof was refused is served.
        if (first is not null) Assert.Equal("UNAUTHORIZED", Assert.IsType<RushRefusedException>(first).Code);
        Assert.Equal("paid", (await Buy(terminal)).State);
    }

    [Fact]
    public async Task A_key_that_was_made_this_moment_is_known_at_the_next_request()
    {
        using var server = new FakeTerminals((_, _) => FakeTerminals.Paid) { HasKey = false };
        await using var terminal = new TerminalClient(Patient(server));
        await Assert.ThrowsAsync<RushImpostorException>(() => Buy(terminal));
        await Assert.ThrowsAsync<RushImpostorException>(() => Buy(terminal));
        Assert.Empty(server.Asked);
        server.HasKey = true;
        Assert.Equal("paid", (await Buy(terminal)).State);
    }

    [Fact]
    public async Task A_defect_while_connecting_ends_neither_the_client_nor_its_disposal()
    {
        using var server = new FakeTerminals((_, _) => FakeTerminals.Paid);
        var terminal = new TerminalClient(Hurried(server) with { Host = new string('x', 300) });
        var unknown = await Assert.ThrowsAsync<RushUnknownException>(() => Buy(terminal));
        Assert.IsNotType<TimeoutException>(unknown.InnerException);
        await terminal.DisposeAsync();
    }

    [Fact]
    public async Task A_server_that_takes_a_watch_and_ends_it_is_not_asked_in_a_loop()
    {
        using var server = new FakeTerminals((_, words) => words[0] == "HELLO" ? "+OK\r\n" : "+OK\r\n-IDLE_TIMEOUT x\r\n");
        await using var terminal = new TerminalClient(Patient(server) with { Retry = new() { Pause = TimeSpan.FromMilliseconds(100) } });
        using var stop = new CancellationTokenSource(1_500);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => TakeAsync(terminal, 1, stop.Token));
        Assert.InRange(Watches(server).Length, 2, 15);
    }

    [Fact]
    public async Task A_server_that_takes_connections_and_ends_them_is_not_asked_in_a_loop()
    {
        using var server = new FakeTerminals((_, _) => FakeTerminals.Cut);
        await using var terminal = new TerminalClient(Patient(server) with
        {
            Retry = new() { For = TimeSpan.FromSeconds(2), Pause = TimeSpan.FromMilliseconds(100), PauseMax = TimeSpan.FromSeconds(1) },
        });
        await Assert.ThrowsAsync<RushUnknownException>(() => Buy(terminal));
        Assert.InRange(server.Connections, 2, 9);
    }

    [Theory]
    [InlineData("TOO_MANY_WATCHES")]
    [InlineData("INVALID_REQUEST")]
    [InlineData("SALE_STOPPED")]
    public async Task A_watch_that_lost_its_connection_gets_another_though_it_is_refused_at_first(string code)
    {
        var watches = 0;
        using var busy = new FakeTerminals((_, words) => words[0] == "HELLO" ? "+OK\r\n"
            : words[0] != "WATCH" ? FakeTerminals.Cut
            : ++watches is 2 or 3 ? $"-{code} not now\r\n" : "+OK\r\n" + Entry(watches) + "-IDLE_TIMEOUT x\r\n");
        await using var terminal = new TerminalClient(Patient(busy));
        Assert.Equal([1, 4], await TakeAsync(terminal, 2));
    }

    [Theory]
    [InlineData("TOO_MANY_WATCHES")]
    [InlineData("INVALID_REQUEST")]
    [InlineData("FORBIDDEN")]
    public async Task A_watch_that_never_began_is_refused(string code)
    {
        using var server = new FakeTerminals((_, words) => words[0] == "HELLO" ? "+OK\r\n" : $"-{code} no\r\n");
        await using var terminal = new TerminalClient(Patient(server));
        Assert.Equal(code, (await Assert.ThrowsAsync<RushRefusedException>(() => TakeAsync(terminal, 1))).Code);
    }

    [Fact]
    public async Task Disposed_it_says_so_and_what_was_sent_is_unknown()
    {
        using var server = new FakeTerminals((_, words) => words[0] == "HELLO" ? "+OK\r\n" : FakeTerminals.Mute);
        var terminal = new TerminalClient(Patient(server) with { PipelineMax = 1 });
        var (sent, waiting) = (Buy(terminal), Buy(terminal));
        var watching = TakeAsync(terminal, 1);
        await Plans.UntilAsync(() => Task.FromResult(server.Asked.Any(asked => asked.Words[..3] == "BUY")), "sent");
        await Task.WhenAll(terminal.DisposeAsync().AsTask(), terminal.DisposeAsync().AsTask());
        await Assert.ThrowsAsync<RushUnknownException>(() => sent.WaitAsync(TimeSpan.FromSeconds(5)));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(TimeSpan.FromSeconds(5)));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => watching.WaitAsync(TimeSpan.FromSeconds(5)));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Buy(terminal).WaitAsync(TimeSpan.FromSeconds(5)));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => TakeAsync(terminal, 1).WaitAsync(TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public async Task Cancelled_it_lets_go_at_once_and_the_others_are_served()
    {
        var release = new TaskCompletionSource();
        using var server = new FakeTerminals((_, words) =>
        {
            if (words[3] == "slow") release.Task.Wait();
            return FakeTerminals.Paid;
        });
        await using var terminal = new TerminalClient(Patient(server) with { PipelineMax = 2 });
        using var stop = new CancellationTokenSource();
        var slow = terminal.BuyAsync("spring", Guid.NewGuid(), "slow", "floor", 1, stop: stop.Token);
        await Plans.UntilAsync(() => Task.FromResult(!server.Asked.IsEmpty), "sent");
        await stop.CancelAsync();
        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => slow.WaitAsync(TimeSpan.FromSeconds(5)));
        Assert.Equal(stop.Token, cancelled.CancellationToken);
        var other = Buy(terminal);
        release.SetResult();
        Assert.Equal("paid", (await other).State);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => terminal.PingAsync(stop.Token));
        Assert.Equal(2, server.Asked.Count);
    }

    [Fact]
    public async Task What_is_given_up_while_there_is_no_server_is_never_sent()
    {
        using var server = new FakeTerminals((_, _) => FakeTerminals.Paid, isOpen: false);
        await using var terminal = new TerminalClient(Patient(server) with { PipelineMax = 2 });
        for (var i = 0; i < 20; i++)
        {
            using var stop = new CancellationTokenSource(10);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => terminal.BuyAsync("spring", Guid.NewGuid(), "x", "floor", 1, stop: stop.Token));
        }

        server.Open();
        Assert.Equal("paid", (await Buy(terminal)).State);
        Assert.Single(server.Asked);
    }

    [Fact]
    public void A_thread_that_blocks_on_an_answer_gets_it()
    {
        using var server = new FakeTerminals(
            (_, words) => words[0] == "HELLO" ? "+OK\r\n" : words[0] == "WATCH" ? "+OK\r\n" + Entry(1) : FakeTerminals.Paid);
        Exception? failed = null;
        var window = new Thread(() =>
        {
            // A window's thread runs what was posted to it when it has nothing else to do: here, never.
            SynchronizationContext.SetSynchronizationContext(new NeverRuns());
            try
            {
                var terminal = new TerminalClient(Patient(server));
                Assert.True(Buy(terminal).Wait(TimeSpan.FromSeconds(20)), "bought");
                var entries = terminal.WatchAsync("spring").GetAsyncEnumerator();
                Assert.True(entries.MoveNextAsync().AsTask().Wait(TimeSpan.FromSeconds(20)), "watched");
                Assert.True(entries.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(20)), "ended");
                Assert.True(terminal.DisposeAsync().AsTask().Wait(TimeSpan.FromSeconds(20)), "disposed");
            }
            catch (Exception e)
            {
                failed = e;
            }
        });
        window.Start();
        window.Join();
        Assert.Null(failed);
    }

    [Fact]
    public void Options_do_not_show_the_key_and_say_what_is_out_of_bounds()
    {
        var options = new TerminalOptions("kiosk.example", 6380, "rush_shop_3fa085c1_secret");
        Assert.Equal("3fa085c1", options.KeyId);
        Assert.Contains("kiosk.example", $"{options}", StringComparison.Ordinal);
        Assert.DoesNotContain("secret", $"{options}", StringComparison.Ordinal);
        foreach (var bad in new[]
        {
            options with { Host = "" },
            options with { Port = 0 },
            options with { Port = 65_536 },
            options with { Key = "" },
            options with { PipelineMax = 0 },
            options with { PipelineMax = 100_000 },
            options with { ConnectMax = TimeSpan.Zero },
            options with { Retry = new() { For = TimeSpan.Zero } },
            options with { Retry = new() { For = TimeSpan.MaxValue } },
            options with { Retry = new() { Pause = Timeout.InfiniteTimeSpan } },
            options with { Retry = new() { AnswerMax = TimeSpan.Zero } },
        })
            Assert.ThrowsAny<ArgumentException>(() => new TerminalClient(bad));
    }

    [Fact]
    public async Task A_stop_that_is_called_like_a_member_is_none()
    {
        var answer = FakeTerminals.Paid.Replace("*7", "*8", StringComparison.Ordinal)
            + "%2\r\n$4\r\nfrom\r\n$8\r\nrefunded\r\n$2\r\nto\r\n$4\r\nlate\r\n";
        using var server = new FakeTerminals((_, _) => answer);
        await using var terminal = new TerminalClient(Patient(server));
        var order = await Buy(terminal);
        Assert.Equal((0, false), (order.Refunded.Count, order.Late));
    }

    [Theory]
    [InlineData("+OK\r\n")]
    [InlineData("*1\r\n:1\r\n")]
    [InlineData("*7\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n")]
    public async Task An_answer_that_cannot_be_read_tells_nothing(string answer)
    {
        using var server = new FakeTerminals((_, _) => answer);
        await using var terminal = new TerminalClient(Patient(server));
        await Assert.ThrowsAsync<RushUnknownException>(() => Buy(terminal));
    }

    private static TerminalOptions Patient(FakeTerminals server) => new("127.0.0.1", server.Port, FakeTerminals.Key)
    {
        Retry = new() { For = TimeSpan.FromSeconds(20), Pause = TimeSpan.FromMilliseconds(10), PauseMax = TimeSpan.FromMilliseconds(200) },
    };

    private static TerminalOptions Hurried(FakeTerminals server) => Patient(server) with
    {
        Retry = new() { For = TimeSpan.FromSeconds(2), Pause = TimeSpan.FromMilliseconds(10), PauseMax = TimeSpan.FromMilliseconds(200) },
    };

    private static RushRetry Silence(double seconds) => new()
    {
        For = TimeSpan.FromSeconds(20),
        Pause = TimeSpan.FromMilliseconds(10),
        PauseMax = TimeSpan.FromMilliseconds(200),
        AnswerMax = TimeSpan.FromSeconds(seconds),
    };

    private static Task<TerminalOrder> Buy(TerminalClient terminal) => terminal.BuyAsync("spring", Guid.NewGuid(), "ann", "floor", 2);

    private static string Entry(int sequence) =>
        $">10\r\n$5\r\nentry\r\n$6\r\nspring\r\n:{sequence}\r\n$4\r\nheld\r\n"
        + ":1795278969792\r\n:4\r\n:0\r\n:2\r\n:76000\r\n:1795279570000\r\n";

    private static string[] Watches(FakeTerminals server) =>
        [.. server.Asked.Select(asked => asked.Words).Where(words => words.StartsWith("WATCH", StringComparison.Ordinal))];

    private static async Task<List<long>> TakeAsync(TerminalClient terminal, int count, CancellationToken stop = default)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stop);
        deadline.CancelAfter(TimeSpan.FromSeconds(20));
        var seen = new List<long>();
        await foreach (var entry in terminal.WatchAsync("spring", stop: deadline.Token))
        {
            seen.Add(entry.Sequence);
            if (seen.Count == count) break;
        }

        return seen;
    }

    private sealed class NeverRuns : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
        }
    }
}
