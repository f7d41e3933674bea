using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Access;
using TicketRush.Server.Terminals;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Terminals;

/// <summary>Who may connect: keys that are proved and never sent. S7 to S13 of the security statements.</summary>
public sealed class HandshakeTests(TerminalServer running) : IClassFixture<TerminalServer>
{
    private RunningServer Server => running.Server;

    private KeyRing Ring => Server.App.Services.GetRequiredService<KeyRing>();

    [Fact]
    [Trait("Statement", "S7")]
    public async Task A_proved_key_may_do_what_its_role_may_and_the_server_proves_itself_too()
    {
        var (key, secret) = Ring.Add("kiosk-1", Role.Shop);
        await using var terminal = await Terminal.ConnectAsync(Server, key: null);
        await terminal.AskRefusedAsync("UNAUTHORIZED", "SALES");
        var exchange = await Exchange.BeginAsync(terminal, key.Id, secret, ChannelOf(terminal));
        Assert.Equal(exchange.Proof("server"), exchange.ServerProof);
        Assert.Equal("OK", await terminal.AskAsync("AUTH", "PROOF", exchange.Proof("client")));
        await terminal.AskArrayAsync("SALES");
        await terminal.AskRefusedAsync("FORBIDDEN", "REFUND", "x", Plans.NewId(), "k", "cannot-come", "RESELL");
    }

    [Fact]
    [Trait("Statement", "S7")]
    public async Task The_given_office_key_can_be_proved_too()
    {
        await using var terminal = await Terminal.ConnectAsync(Server, key: null);
        var exchange = await Exchange.BeginAsync(terminal, "office", RunningServer.Key, ChannelOf(terminal));
        Assert.Equal("OK", await terminal.AskAsync("AUTH", "PROOF", exchange.Proof("client")));
    }

    [Fact]
    [Trait("Statement", "S7")]
    public async Task A_nonce_is_good_once_and_an_echo_never()
    {
        var (key, secret) = Ring.Add("kiosk-2", Role.Shop);
        await using var terminal = await Terminal.ConnectAsync(Server, key: null);
        var first = await Exchange.BeginAsync(terminal, key.Id, secret, ChannelOf(terminal));

        // The server's own proof, sent back: its role stands in it.
        await terminal.AskRefusedAsync("UNAUTHORIZED", "AUTH", "PROOF", first.ServerProof);

        // The right one, too late: the wrong one has used up the nonce.
        await terminal.AskRefusedAsync("NONCE_EXPIRED", "AUTH", "PROOF", first.Proof("client"));

        // Overheard, and sent to another challenge of this connection and of another.
        var second = await Exchange.BeginAsync(terminal, key.Id, secret, ChannelOf(terminal), first.ClientNonce);
        Assert.NotEqual(first.ServerNonce, second.ServerNonce);
        await terminal.AskRefusedAsync("UNAUTHORIZED", "AUTH", "PROOF", first.Proof("client"));
        await using var other = await Terminal.ConnectAsync(Server, key: null);
        await Exchange.BeginAsync(other, key.Id, secret, ChannelOf(other), first.ClientNonce);
        await other.AskRefusedAsync("UNAUTHORIZED", "AUTH", "PROOF", second.Proof("client"));

        // A twin that does it right is let in, and cannot do so twice.
        var third = await Exchange.BeginAsync(terminal, key.Id, secret, ChannelOf(terminal));
        Assert.Equal("OK", await terminal.AskAsync("AUTH", "PROOF", third.Proof("client")));
        await terminal.AskRefusedAsync("NONCE_EXPIRED", "AUTH", "PROOF", third.Proof("client"));
    }

    [Fact]
    [Trait("Statement", "S7")]
    public async Task A_nonce_dies_of_age()
    {
        var clock = new Clock();
        await using var server = await RunningServer.StartAsync(
            terminals: new(), configure: builder => builder.Services.AddSingleton<TimeProvider>(clock));
        await using var terminal = await Terminal.ConnectAsync(server, key: null);
        var late = await Exchange.BeginAsync(terminal, "office", RunningServer.Key, ChannelOf(terminal));
        clock.Go(TimeSpan.FromSeconds(5.001));
        await terminal.AskRefusedAsync("NONCE_EXPIRED", "AUTH", "PROOF", late.Proof("client"));
        var inTime = await Exchange.BeginAsync(terminal, "office", RunningServer.Key, ChannelOf(terminal));
        clock.Go(TimeSpan.FromSeconds(5));
        Assert.Equal("OK", await terminal.AskAsync("AUTH", "PROOF", inTime.Proof("client")));
    }

    public static TheoryData<string> Fields => ["version", "role", "key", "client nonce", "server nonce", "channel", "secret"];

    [Theory]
    [Trait("Statement", "S7")]
    [MemberData(nameof(Fields))]
    public async Task Every_field_is_under_the_proof(string field)
    {
        var (key, secret) = Ring.Add("kiosk-3", Role.Shop);
        var (other, _) = Ring.Add("kiosk-4", Role.Shop);
        await using var terminal = await Terminal.ConnectAsync(Server, key: null);
        var right = await Exchange.BeginAsync(terminal, key.Id, secret, ChannelOf(terminal));
        var wrong = field switch
        {
            "version" => right with { Version = "ticketrush-terminals-2" },
            "key" => right with { KeyId = other.Id },
            "client nonce" => right with { ClientNonce = Exchange.Nonce() },
            "server nonce" => right with { ServerNonce = Exchange.Nonce() },
            "channel" => right with { Channel = right.Channel + "0" },
            "secret" => right with { Secret = secret + "0" },
            _ => right,
        };
        await terminal.AskRefusedAsync("UNAUTHORIZED", "AUTH", "PROOF", wrong.Proof(field == "role" ? "server" : "client"));
    }

    [Fact]
    [Trait("Statement", "S8")]
    public async Task Somebody_in_the_middle_who_passes_everything_on_proves_nothing()
    {
        var (key, secret) = Ring.Add("kiosk-5", Role.Shop);
        using var relay = new Relay(Server.TerminalPort);
        await using var straight = await Terminal.ConnectAsync(Server, key: null);
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, relay.Port);

        // The client proves itself for the ends that it sees: its own, and the relay's.
        var channel = Handshake.ChannelOf((IPEndPoint)tcp.Client.LocalEndPoint!, (IPEndPoint)tcp.Client.RemoteEndPoint!);
        var nonce = Exchange.Nonce();
        var stream = tcp.GetStream();
        await stream.WriteAsync(Terminal.Frame("AUTH", "CHALLENGE", "client", key.Id, nonce));
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        for (var i = 0; i < 2; i++) await reader.ReadLineAsync();
        var exchange = new Exchange(key.Id, secret, channel, nonce, (await reader.ReadLineAsync())!);
        await reader.ReadLineAsync();
        var serverProof = await reader.ReadLineAsync();
        Assert.NotEqual(exchange.Proof("server"), serverProof); // A client that looks goes away here.
        await stream.WriteAsync(Terminal.Frame("AUTH", "PROOF", exchange.Proof("client")));
        Assert.StartsWith("-UNAUTHORIZED", await reader.ReadLineAsync(), StringComparison.Ordinal);

        // The control: the same proofs without anybody between are right.
        var control = await Exchange.BeginAsync(straight, key.Id, secret, ChannelOf(straight));
        Assert.Equal("OK", await straight.AskAsync("AUTH", "PROOF", control.Proof("client")));
    }

    [Fact]
    [Trait("Statement", "S8")]
    public async Task Over_TLS_the_proof_is_bound_to_the_certificate()
    {
        using var certificate = Certificate("CN=terminals");
        using var forged = Certificate("CN=terminals");
        var path = Path.Combine(Directory.CreateTempSubdirectory("rush-tls-").FullName, "terminals.pfx");
        await File.WriteAllBytesAsync(path, certificate.Export(X509ContentType.Pkcs12, "p"));
        await using var server = await RunningServer.StartAsync(
            terminals: new(), endpoint: "tls:127.0.0.1:0", configure: builder =>
            {
                builder.Configuration["Kestrel:Certificates:Default:Path"] = path;
                builder.Configuration["Kestrel:Certificates:Default:Password"] = "p";
            });

        await using var terminal = await Terminal.ConnectAsync(server, key: null, wrap: TlsAsync);
        var wrong = await Exchange.BeginAsync(terminal, "office", RunningServer.Key, Handshake.ChannelOf(forged.RawData));
        await terminal.AskRefusedAsync("UNAUTHORIZED", "AUTH", "PROOF", wrong.Proof("client"));
        var right = await Exchange.BeginAsync(terminal, "office", RunningServer.Key, Handshake.ChannelOf(certificate.RawData));
        Assert.Equal(right.Proof("server"), right.ServerProof);
        Assert.Equal("OK", await terminal.AskAsync("AUTH", "PROOF", right.Proof("client")));

        // And the key itself may be sent.
        await using var plain = await Terminal.ConnectAsync(server, wrap: TlsAsync);
        Assert.Equal("PONG", await plain.AskAsync("PING"));

        static async Task<Stream> TlsAsync(Stream inner)
        {
            var tls = new SslStream(inner, leaveInnerStreamOpen: false, (_, _, _, _) => true);
            await tls.AuthenticateAsClientAsync("terminals");
            return tls;
        }
    }

    [Theory]
    [Trait("Statement", "S9")]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(62)]
    [InlineData(63)]
    [InlineData(66)]
    [InlineData(128)]
    public async Task A_proof_of_another_length_is_none_however_right_it_begins(int digits)
    {
        var (key, secret) = Ring.Add("kiosk-6", Role.Shop);
        await using var terminal = await Terminal.ConnectAsync(Server, key: null);
        var exchange = await Exchange.BeginAsync(terminal, key.Id, secret, ChannelOf(terminal));
        var proof = exchange.Proof("client");
        await terminal.AskRefusedAsync("INVALID_REQUEST", "AUTH", "PROOF", (proof + proof + proof)[..digits]);
        await terminal.AskRefusedAsync("UNAUTHORIZED", "SALES");
    }

    [Fact]
    [Trait("Statement", "S10")]
    public async Task The_peer_chooses_no_algorithm()
    {
        await using var terminal = await Terminal.ConnectAsync(Server, key: null);
        await terminal.AskRefusedAsync("INVALID_REQUEST", "AUTH", "CHALLENGE", "client", "office", Exchange.Nonce(), "md5");
        await terminal.AskRefusedAsync("INVALID_REQUEST", "AUTH", "CHALLENGE", "client", "office", "{md5}" + Exchange.Nonce()[5..]);
        await terminal.AskRefusedAsync("INVALID_REQUEST", "AUTH", "CHALLENGE", "server", "office", Exchange.Nonce());
        var exchange = await Exchange.BeginAsync(terminal, "office", RunningServer.Key, ChannelOf(terminal));
        await terminal.AskRefusedAsync("INVALID_REQUEST", "AUTH", "PROOF", "{md5}" + exchange.Proof("client")[5..]);
    }

    [Fact]
    [Trait("Statement", "S11")]
    public async Task Silent_strangers_are_bounded_cost_nobody_anything_and_end_after_their_time()
    {
        await using var server = await RunningServer.StartAsync(
            terminals: new() { StrangersPerNetwork = 20, HandshakeMax = TimeSpan.FromSeconds(2) });
        await using var known = await Terminal.ConnectAsync(server);
        var silent = new List<Terminal>();
        for (var i = 0; i < 20; i++) silent.Add(await Terminal.ConnectAsync(server, key: null));
        await UntilStrangersAsync(server, 20);

        // One more is told why, and who is known is served while all of them wait.
        await using var refused = await Terminal.ConnectAsync(server, key: null);
        Assert.StartsWith("-TOO_MANY_CONNECTIONS", await refused.ReadToEndAsync(), StringComparison.Ordinal);
        Assert.Equal("PONG", await known.AskAsync("PING"));

        foreach (var one in silent) Assert.StartsWith("-HANDSHAKE_TIMEOUT", await one.ReadToEndAsync(), StringComparison.Ordinal);
        Assert.Equal("PONG", await known.AskAsync("PING"));
        await using var later = await Terminal.ConnectAsync(server);
        foreach (var one in silent) await one.DisposeAsync();
    }

    [Fact]
    [Trait("Statement", "S11")]
    public async Task Who_has_proved_itself_makes_room_for_the_next_stranger()
    {
        await using var server = await RunningServer.StartAsync(terminals: new() { StrangersPerNetwork = 1, Connections = 3 });
        await using var first = await Terminal.ConnectAsync(server);
        await using var second = await Terminal.ConnectAsync(server);
        await using var third = await Terminal.ConnectAsync(server);
        await using var fourth = await Terminal.ConnectAsync(server, key: null);
        Assert.Equal("-TOO_MANY_CONNECTIONS As many are connected as can be served.\r\n", await fourth.ReadToEndAsync());
        await third.DisposeAsync();
        await Plans.UntilAsync(() => Task.FromResult(server.App.Services.GetRequiredService<TerminalServices>().Door.Inside == 2), "room");
        await using var fifth = await Terminal.ConnectAsync(server);
    }

    [Fact]
    [Trait("Statement", "S11")]
    public void Strangers_are_bounded_in_all_and_from_one_network_and_who_goes_makes_room()
    {
        var door = new Door(new() { Strangers = 3, StrangersPerNetwork = 2, Connections = 4 });
        var first = door.TryEnter(IPAddress.Parse("10.0.0.1"), out _)!;
        using var second = door.TryEnter(IPAddress.Parse("::ffff:10.0.0.1"), out _);
        Assert.Null(door.TryEnter(IPAddress.Parse("10.0.0.1"), out var reason));
        Assert.Contains("of your network", reason, StringComparison.Ordinal);
        using var third = door.TryEnter(IPAddress.Parse("10.0.0.2"), out _)!;
        Assert.Null(door.TryEnter(IPAddress.Parse("10.0.0.3"), out reason));
        Assert.Equal("As many connections as may be have not said who they are.", reason);
        Assert.True(third.TryBecomeKnown("shop"));
        using var fourth = door.TryEnter(IPAddress.Parse("10.0.0.3"), out _)!;
        Assert.Equal((4, 3), (door.Inside, door.Strangers));
        Assert.True(fourth.TryBecomeKnown("desk"));
        Assert.Null(door.TryEnter(IPAddress.Parse("10.0.0.4"), out reason));
        Assert.Equal("As many are connected as can be served.", reason);
        first.Dispose();
        first.Dispose();
        Assert.Equal((3, 1), (door.Inside, door.Strangers));
        using var fifth = door.TryEnter(IPAddress.Parse("10.0.0.1"), out _);
        Assert.NotNull(fifth);
    }

    [Fact]
    [Trait("Statement", "S11")]
    public async Task One_key_takes_neither_every_connection_nor_every_watch()
    {
        await using var server = await RunningServer.StartAsync(terminals: new() { ConnectionsPerKey = 2, WatchesPerKey = 2 });
        var (key, secret) = server.App.Services.GetRequiredService<KeyRing>().Add("other-shop", Role.Shop);
        string[] sales = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(async _ => (await server.OpenSaleAsync()).Split('/')[^1]))];
        await using var first = await Terminal.ConnectAsync(server);
        await using var second = await Terminal.ConnectAsync(server);
        await using var third = await Terminal.ConnectAsync(server, key: null);
        await third.AskRefusedAsync("TOO_MANY_CONNECTIONS", "AUTH", "office", RunningServer.Key);
        await third.AskRefusedAsync("UNAUTHORIZED", "SALES");

        // Another key has its own, and a connection that changes its key is counted with the new one alone.
        Assert.Equal("OK", await third.AskAsync("AUTH", key.Id, secret));
        Assert.Equal("OK", await second.AskAsync("AUTH", key.Id, secret));
        await using var fourth = await Terminal.ConnectAsync(server);
        await second.AskRefusedAsync("TOO_MANY_CONNECTIONS", "AUTH", "office", RunningServer.Key);
        Assert.Equal(3, (await second.AskArrayAsync("SALES")).Length);

        // Two of four that one connection might have, and of 64 in all.
        foreach (var sale in sales[..2]) await first.AskArrayAsync("WATCH", sale);
        await first.AskRefusedAsync("TOO_MANY_WATCHES", "WATCH", sales[2]);
        await fourth.AskRefusedAsync("TOO_MANY_WATCHES", "WATCH", sales[2]);
        await third.AskArrayAsync("WATCH", sales[2]);

        // Whose watch ends has room for another at once; others have it when the server reads no more for that watch.
        await first.AskArrayAsync("UNWATCH", sales[0]);
        await first.AskArrayAsync("WATCH", sales[2]);
        await first.AskArrayAsync("UNWATCH", sales[2]);
        await Plans.UntilAsync(async () => await fourth.AskAsync("WATCH", sales[2]) is object?[], "room");
    }

    [Fact]
    [Trait("Statement", "S13")]
    public async Task Every_check_holds_in_the_build_that_is_shipped()
    {
        // These tests run the release build. What a debug build alone would check, such as an assertion, would let these in.
#if DEBUG
        Assert.Skip("needs the release build, which ./test makes");
#endif
        await using var terminal = await Terminal.ConnectAsync(Server, key: null);
        await terminal.AskRefusedAsync("NONCE_EXPIRED", "AUTH", "PROOF", new string('0', 64));
        await terminal.AskRefusedAsync("INVALID_REQUEST", "AUTH", "CHALLENGE", "client", "office", "");
        await terminal.AskRefusedAsync("UNAUTHORIZED", "AUTH", "office", "");
        await terminal.AskRefusedAsync("UNAUTHORIZED", "AUTH", "");
        await terminal.AskRefusedAsync("UNAUTHORIZED", "WATCH", "x");
    }

    [Fact]
    public async Task Keys_that_are_not_there_are_challenged_like_any_other()
    {
        await using var terminal = await Terminal.ConnectAsync(Server, key: null);
        var nobody = await Exchange.BeginAsync(terminal, "deadbeef", "x", ChannelOf(terminal));
        Assert.Matches("^[0-9a-f]{64}$", nobody.ServerProof);
        await terminal.AskRefusedAsync("UNAUTHORIZED", "AUTH", "PROOF", nobody.Proof("client"));
    }

    [Fact]
    public async Task A_key_itself_is_taken_with_its_id_alone_or_in_HELLO_and_no_other()
    {
        var (key, secret) = Ring.Add("kiosk-7", Role.Read);
        var (other, _) = Ring.Add("kiosk-8", Role.Read);
        await using var terminal = await Terminal.ConnectAsync(Server, key: null);
        await terminal.AskRefusedAsync("UNAUTHORIZED", "AUTH", other.Id, secret);
        await terminal.AskRefusedAsync("UNAUTHORIZED", "AUTH", key.Id, secret[..^1] + "x");
        await terminal.AskRefusedAsync("UNAUTHORIZED", "HELLO", "3", "AUTH", key.Id, "wrong");
        Assert.Equal("OK", await terminal.AskAsync("AUTH", key.Id, secret));
        await using var second = await Terminal.ConnectAsync(Server, key: null);
        Assert.Equal("OK", await second.AskAsync("AUTH", secret));
        await using var third = await Terminal.ConnectAsync(Server, key: null);
        Assert.Contains("proto", await third.AskArrayAsync("HELLO", "3", "AUTH", key.Id, secret, "SETNAME", "desk"));
        await third.AskRefusedAsync("FORBIDDEN", "BUY", "x", Plans.NewId(), "ann", "floor", "1");
    }

    [Fact]
    public async Task The_user_that_clients_send_when_they_were_given_none_is_none()
    {
        var (_, secret) = Ring.Add("kiosk-11", Role.Read);
        await using var terminal = await Terminal.ConnectAsync(Server, key: null);
        await terminal.AskRefusedAsync("UNAUTHORIZED", "HELLO", "3", "AUTH", "default", "wrong");
        Assert.Contains("proto", await terminal.AskArrayAsync("HELLO", "3", "AUTH", "default", secret));
        await terminal.AskArrayAsync("SALES");
        await using var second = await Terminal.ConnectAsync(Server, key: null);
        Assert.Equal("OK", await second.AskAsync("AUTH", "default", RunningServer.Key));
    }

    [Theory]
    [InlineData("3", "AUTH", "office", RunningServer.Key, "SETNAME", "two words")]
    [InlineData("3", "AUTH", "office", RunningServer.Key, "SETNAME")]
    [InlineData("3", "SETNAME", "desk", "AUTH", "office", RunningServer.Key, "AUTH", "office", RunningServer.Key)]
    [InlineData("3", "SETNAME", "desk", "AUTH", "office", "wrong")]
    [InlineData("4", "SETNAME", "desk", "AUTH", "office", RunningServer.Key)]
    public async Task A_greeting_that_is_refused_has_done_nothing(params string[] words)
    {
        await using var pipe = new TerminalPipe(Server);
        Assert.StartsWith("-", await pipe.AskLineAsync(["HELLO", .. words]), StringComparison.Ordinal);
        Assert.StartsWith("-UNAUTHORIZED ", await pipe.AskLineAsync("SALES"), StringComparison.Ordinal);
        await pipe.SendAsync(Terminal.Frame("CLIENT", "GETNAME"));
        Assert.Equal("$0\r\n\r\n", await pipe.ReadUntilAsync("\r\n\r\n"));

        // Still the second version, in which a map is an array.
        await pipe.SendAsync(Terminal.Frame("HELLO"));
        Assert.StartsWith("*14\r\n", await pipe.ReadUntilAsync("*0\r\n"), StringComparison.Ordinal);
    }

    [Theory]
    [Trait("Statement", "S8")]
    [InlineData("10.0.0.7", "10.0.0.2")]
    [InlineData("127.0.0.1", "10.0.0.2")]
    [InlineData("10.0.0.7", "127.0.0.1")]
    [InlineData("fd00::7", "fd00::2")]
    public async Task A_key_in_the_clear_between_machines_is_not_looked_at(string remote, string local)
    {
        await using var pipe = new TerminalPipe(Server, remote, local);
        foreach (var words in new string[][] { ["AUTH", "office", RunningServer.Key], ["AUTH", RunningServer.Key],
            ["HELLO", "3", "AUTH", "office", RunningServer.Key], ["AUTH", "office", "wrong"] })
        {
            Assert.StartsWith("-INSECURE ", await pipe.AskLineAsync(words), StringComparison.Ordinal);
            Assert.StartsWith("-UNAUTHORIZED ", await pipe.AskLineAsync("SALES"), StringComparison.Ordinal);
        }

        // Proved it is taken there too.
        var nonce = Exchange.Nonce();
        var (serverNonce, serverProof) = await pipe.ChallengeAsync("office", nonce);
        var exchange = new Exchange("office", RunningServer.Key, pipe.Channel, nonce, serverNonce);
        Assert.Equal(exchange.Proof("server"), serverProof);
        Assert.Equal("+OK", await pipe.AskLineAsync("AUTH", "PROOF", exchange.Proof("client")));
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1", "::1")]
    [InlineData("::ffff:127.0.0.1", "::ffff:127.0.0.1")]
    public async Task Within_one_machine_a_key_may_be_sent(string remote, string local)
    {
        await using var pipe = new TerminalPipe(Server, remote, local);
        Assert.Equal("+OK", await pipe.AskLineAsync("AUTH", "office", RunningServer.Key));
    }

    [Theory]
    [InlineData("correct horse battery staple and so on, until it is longer than a key")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("5d1c0f7ba93e4862d07f1b5ca8e6394217fd60b2c95e3a84d1f07b6c29ae583")]
    public async Task A_key_that_might_be_guessed_answers_no_challenge_and_is_taken_where_nobody_listens(string key)
    {
        await using var server = await RunningServer.StartAsync(officeKey: key, terminals: new());
        await using var terminal = await Terminal.ConnectAsync(server, key: null);
        var exchange = await Exchange.BeginAsync(terminal, "office", key, ChannelOf(terminal));

        // What a stranger is answered says nothing about the key, not even to who has it.
        Assert.Matches("^[0-9a-f]{64}$", exchange.ServerProof);
        Assert.NotEqual(exchange.Proof("server"), exchange.ServerProof);
        await terminal.AskRefusedAsync("UNAUTHORIZED", "AUTH", "PROOF", exchange.Proof("client"));
        Assert.Equal("OK", await terminal.AskAsync("AUTH", "office", key));
        Assert.Contains(server.Logged, line => line.Contains("RUSH_OFFICE_KEY", StringComparison.Ordinal));
        Assert.DoesNotContain(server.Logged, line => line.Contains(key, StringComparison.Ordinal));

        // The control: one that nobody guesses is proved, and nothing is said of it.
        Assert.DoesNotContain(Server.Logged, line => line.Contains("RUSH_OFFICE_KEY", StringComparison.Ordinal));
    }

    [Fact]
    public void Keys_that_are_made_and_64_random_digits_are_not_to_be_guessed()
    {
        var (_, made) = Ring.Add("kiosk-12", Role.Shop);
        Assert.True(KeyRing.IsRandom(made));
        for (var i = 0; i < 1_000; i++) Assert.True(KeyRing.IsRandom(RandomNumberGenerator.GetHexString(64, lowercase: i % 2 == 0)));
        Assert.False(KeyRing.IsRandom(made[..^1] + "g"));
        Assert.False(KeyRing.IsRandom("office"));
        Assert.False(KeyRing.IsRandom(string.Concat(Enumerable.Repeat("deadbeef", 8))));
    }

    [Fact]
    public async Task A_stranger_who_guesses_is_shown_out_and_nobody_else()
    {
        await using var known = await Terminal.ConnectAsync(Server);
        await using var guesser = await Terminal.ConnectAsync(Server, key: null);
        for (var i = 0; i < 2; i++)
        {
            await guesser.AskRefusedAsync("UNAUTHORIZED", "AUTH", "office", $"guess {i}");
            var exchange = await Exchange.BeginAsync(guesser, "office", $"guess {i}", ChannelOf(guesser));
            await guesser.AskRefusedAsync("UNAUTHORIZED", "AUTH", "PROOF", exchange.Proof("client"));
        }

        // What came with the fifth guess is not looked at.
        byte[] more =
        [
            .. Terminal.Frame("HELLO", "3", "AUTH", "office", "guess 2"), .. Terminal.Frame("AUTH", "office", RunningServer.Key),
        ];
        await guesser.SendAsync(more);
        var last = await guesser.ReadToEndAsync();
        Assert.Matches("^-(UNAUTHORIZED|RATE_LIMITED) .* The connection ends.\r\n$", last);
        Assert.Equal("PONG", await known.AskAsync("PING"));
    }

    [Fact]
    public async Task A_revoked_key_ends_its_connections()
    {
        var (key, secret) = Ring.Add("kiosk-9", Role.Shop);
        await using var terminal = await Terminal.ConnectAsync(Server, secret, key.Id);
        Assert.True(Ring.Revoke(key.Id));
        Assert.StartsWith("-UNAUTHORIZED The key was revoked", await terminal.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_keys_are_rationed_and_a_right_one_passes()
    {
        await using var server = await RunningServer.StartAsync(
            terminals: new(), limits: RunningServer.Generous with { WrongKeysPerMinute = 3 });
        await using var terminal = await Terminal.ConnectAsync(server, key: null);
        for (var i = 0; i < 3; i++) await terminal.AskRefusedAsync("UNAUTHORIZED", "AUTH", "office", "wrong");
        await terminal.AskRefusedAsync("RATE_LIMITED", "AUTH", "office", "wrong");
        Assert.Equal("OK", await terminal.AskAsync("AUTH", "office", RunningServer.Key));
    }

    [Fact]
    public async Task What_is_kept_of_a_key_is_its_hash_and_a_verifier_that_opens_nothing_else()
    {
        var (key, secret) = Ring.Add("kiosk-10", Role.Shop);
        var text = await File.ReadAllTextAsync(Path.Combine(Server.Directory, "keys.json"));
        var verifier = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), "terminals"u8));
        Assert.Contains(verifier, text, StringComparison.Ordinal);
        Assert.DoesNotContain(secret[^64..], text, StringComparison.Ordinal);
        await using var terminal = await Terminal.ConnectAsync(Server, key: null);
        await terminal.AskRefusedAsync("UNAUTHORIZED", "AUTH", key.Id, verifier);
        (await Server.SendAsync("GET", "/api/keys", null, verifier)).Is(401, "UNAUTHORIZED");
    }

    [Fact]
    public void Keys_of_the_first_format_are_read_and_cannot_answer_challenges()
    {
        var directory = Directory.CreateTempSubdirectory("rush-keys-");
        var path = Path.Combine(directory.FullName, "keys.json");
        var hash = new string('a', 64);
        File.WriteAllText(
            path, $$"""{"format":1,"keys":[{"id":"0123abcd","name":"old","role":"shop","made":1,"revoked":null,"hash":"{{hash}}"}]}""");
        var old = Assert.Single(KeyRing.Open(directory.FullName).List());
        Assert.Equal(("old", Role.Shop, true), (old.Name, old.Role, old.IsLive));
        Assert.Null(old.Verifier);
        var (_, secret) = KeyRing.Open(directory.FullName).Add("new", Role.Shop);
        Assert.NotNull(KeyRing.Open(directory.FullName).Find(secret)!.Verifier);
        directory.Delete(recursive: true);
    }

    private static Task UntilStrangersAsync(RunningServer server, int count) => Plans.UntilAsync(
        () => Task.FromResult(server.App.Services.GetRequiredService<TerminalServices>().Door.Strangers == count), $"{count} strangers");

    private static string ChannelOf(Terminal terminal) =>
        Handshake.ChannelOf((IPEndPoint)terminal.Socket.LocalEndPoint!, (IPEndPoint)terminal.Socket.RemoteEndPoint!);

    private static X509Certificate2 Certificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = DateTimeOffset.UtcNow;
        return new CertificateRequest(name, key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }

    /// <summary>A client's side of the exchange, written from the protocol's description and not from the server's code.</summary>
    private sealed record Exchange(string KeyId, string Secret, string Channel, string ClientNonce, string ServerNonce)
    {
        public string Version { get; init; } = "ticketrush-terminals-1";

        public string ServerProof { get; init; } = "";

        public static string Nonce() => RandomNumberGenerator.GetHexString(64, lowercase: true);

        public static async Task<Exchange> BeginAsync(Terminal terminal, string keyId, string secret, string channel, string? nonce = null)
        {
            nonce ??= Nonce();
            var answer = await terminal.AskArrayAsync("AUTH", "CHALLENGE", "client", keyId, nonce);
            return new(keyId, secret, channel, nonce, (string)answer[0]!) { ServerProof = (string)answer[1]! };
        }

        public string Proof(string role)
        {
            var verifier = HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), "terminals"u8);
            var proved = Encoding.UTF8.GetBytes($"{Version}|{role}|{KeyId}|{ClientNonce}|{ServerNonce}|{Channel}");
            return Convert.ToHexStringLower(HMACSHA256.HashData(verifier, proved));
        }
    }

    /// <summary>Passes on every byte in both directions, from an address of its own.</summary>
    private sealed class Relay : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public Relay(int to)
        {
            _listener.Start();
            _ = Task.Run(async () =>
            {
                using var client = await _listener.AcceptTcpClientAsync();
                using var server = new TcpClient();
                await server.ConnectAsync(IPAddress.Loopback, to);
                await Task.WhenAny(client.GetStream().CopyToAsync(server.GetStream()), server.GetStream().CopyToAsync(client.GetStream()));
            });
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public void Dispose() => _listener.Dispose();
    }
}
