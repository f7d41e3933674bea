using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace TicketRush.Multiprocessing.Tests.Connections;

public sealed class ListenerTests
{
    [Fact, Trait("Case", "58")]
    public void A_second_listener_at_the_same_address_is_refused()
    {
        var path = Path.Combine(Path.GetTempPath(), $"ticketrush-{Guid.NewGuid():N}");
        foreach (var name in new[] { Peers.NewName(), path })
        {
            using var listener = new Listener(name);
            var error = Assert.Throws<SocketException>(() => new Listener(name));
            Assert.Equal(SocketError.AddressAlreadyInUse, error.SocketErrorCode);
        }

        using var tcp = new Listener(new IPEndPoint(IPAddress.Loopback, 0));
        Assert.Throws<SocketException>(() => new Listener(tcp.EndPoint));
        Assert.False(File.Exists(path));
        using var again = new Listener(path);
    }

    [Fact, Trait("Case", "58")]
    public void A_client_may_connect_and_send_and_close_before_it_is_accepted()
    {
        using var listener = new Listener();
        using (var client = Client.Connect(listener.EndPoint)) client.Send("hello"u8);
        using var server = listener.Accept();
        Assert.Equal("hello"u8, server.Receive());
        Assert.Throws<EndOfStreamException>(() => server.Receive());
    }

    [Fact, Trait("Case", "58"), System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public void A_socket_file_is_the_own_user_s_and_goes_with_the_listener()
    {
        var path = Path.Combine(Path.GetTempPath(), $"ticketrush-{Guid.NewGuid():N}");
        using (var listener = new Listener(path, Peers.Keyed))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            using var client = Client.Connect(path, Peers.Keyed);
            using var server = listener.Accept();
        }

        Assert.False(File.Exists(path));
        Assert.Throws<SocketException>(() => Client.Connect(path));
    }

    [Fact, Trait("Case", "58")]
    public async Task Closing_ends_every_accept_and_turns_clients_away()
    {
        var listener = new Listener(Peers.Keyed);
        Task[] accepting =
        [
            Peers.Run(() => Assert.Throws<ObjectDisposedException>(() => listener.Accept())),
            Peers.Run(() => Assert.Throws<ObjectDisposedException>(() => listener.Accept())),
            Assert.ThrowsAsync<ObjectDisposedException>(async () => await listener.AcceptAsync()),
        ];
        Assert.Null(listener.TryAccept(TimeSpan.FromMilliseconds(20)));
        listener.Close();
        listener.Close();
        await Task.WhenAll(accepting).WaitAsync(Peers.Patience);
        Assert.Throws<ObjectDisposedException>(() => listener.Accept());
        var error = Assert.Throws<SocketException>(() => Client.Connect(listener.EndPoint));
        Assert.Equal(SocketError.ConnectionRefused, error.SocketErrorCode);
    }

    [Fact]
    public async Task Accept_can_be_cancelled()
    {
        using var listener = new Listener();
        using var stop = new CancellationTokenSource(30);
        Assert.ThrowsAny<OperationCanceledException>(() => listener.Accept(stop.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await listener.AcceptAsync(stop.Token));
        using var client = Client.Connect(listener.EndPoint);
        using var server = await listener.AcceptAsync();
    }

    [Fact]
    public async Task A_full_backlog_makes_clients_wait_and_loses_none()
    {
        using var listener = new Listener(new ListenerOptions { Backlog = 1 });
        var connecting = Enumerable.Range(0, 20).Select(i => Peers.Run(() =>
        {
            using var client = Client.Connect(listener.EndPoint, new() { HandshakeTimeout = Peers.Patience });
            client.Send([(byte)i]);
        })).ToArray();
        var seen = new HashSet<byte>();
        for (var i = 0; i < connecting.Length; i++)
        {
            using var server = listener.TryAccept(Peers.Patience);
            seen.Add(server!.Receive()[0]);
        }

        Assert.Equal(20, seen.Count);
        await Task.WhenAll(connecting);
    }

    [Fact]
    public void Five_hundred_silent_clients_do_not_keep_an_honest_one_out()
    {
        // Longer than the test: nobody is dropped because his time is over, only because others came.
        var options = new ListenerOptions { AuthKey = Peers.Key, HandshakeTimeout = TimeSpan.FromMinutes(5) };
        using var listener = new Listener(options);
        var dropped = 0;
        listener.HandshakeFailed += _ => Interlocked.Increment(ref dropped);
        var silent = new List<Socket>();
        try
        {
            for (var i = 0; i < 500; i++)
            {
                silent.Add(Peers.Raw(listener.EndPoint));
                if (i % 50 != 0) continue;
                using var early = Client.Connect(listener.EndPoint, Peers.Keyed);
                using var first = listener.TryAccept(Peers.Patience);
                Assert.NotNull(first);
            }

            var watch = Stopwatch.StartNew();
            using var client = Client.Connect(listener.EndPoint, Peers.Keyed);
            using var server = listener.Accept();
            Assert.True(watch.Elapsed < Peers.Patience, "It had to wait.");
            client.Send([1]);
            Assert.Equal([1], server.Receive());
            Peers.Until(() => Volatile.Read(ref dropped) >= 500 - options.MaxHandshakes, "the oldest were dropped");
            Assert.True(dropped < 500, "The youngest are still given their time.");
        }
        finally
        {
            silent.ForEach(s => s.Dispose());
        }
    }

    [Fact]
    public async Task A_client_that_says_one_byte_at_a_time_is_dropped_when_its_time_is_over()
    {
        using var listener = new Listener(new ListenerOptions { AuthKey = Peers.Key, HandshakeTimeout = TimeSpan.FromMilliseconds(300) });
        var failed = new TaskCompletionSource<AuthenticationFailedException>();
        listener.HandshakeFailed += e => failed.TrySetResult(e);
        using var slow = Peers.Raw(listener.EndPoint);
        slow.Send([0, 0, 0, 200]);
        var trickle = Peers.Run(() =>
        {
            Assert.Throws<SocketException>((Action)(() =>
            {
                while (true)
                {
                    slow.Send([0]);
                    Thread.Sleep(20);
                }
            }));
        });
        Assert.IsType<TimeoutException>((await failed.Task.WaitAsync(Peers.Patience)).InnerException);
        await trickle.WaitAsync(Peers.Patience);
    }

    // Goal: whatever clients say, the listener neither ends nor stops serving, and keeps nothing of them.
    // Method: seeded rubbish of every length from clients that stay, leave or half close; then an honest one; descriptors counted.
    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(5)]
    public void Rubbish_for_a_handshake_does_not_stop_the_listener(int seed)
    {
        var random = new Random(seed);
        using var listener = new Listener(new ListenerOptions { AuthKey = Peers.Key, HandshakeTimeout = TimeSpan.FromMilliseconds(500) });
        var failures = 0;
        listener.HandshakeFailed += _ => Interlocked.Increment(ref failures);
        for (var i = 0; i < 200; i++)
        {
            using var client = Peers.Raw(listener.EndPoint);
            var bytes = new byte[random.Next(400)];
            random.NextBytes(bytes);
            if (random.Next(2) == 0 && bytes.Length >= 4) (bytes[0], bytes[1], bytes[2]) = (0, 0, 0);
            try
            {
                client.Send(bytes);
                if (random.Next(3) == 0) client.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // It was turned away in the meantime.
            }
        }

        using (Client.Connect(listener.EndPoint, Peers.Keyed))
        using (var server = listener.TryAccept(Peers.Patience)) Assert.NotNull(server);
        Peers.Until(() => Volatile.Read(ref failures) == 200, "every one of them was turned away");
        Assert.Null(listener.TryAccept(TimeSpan.Zero));
    }

    [Fact]
    public void Nothing_stays_open_behind_a_listener_and_its_clients()
    {
        void Storm(int clients)
        {
            using var listener = new Listener(Peers.Keyed);
            for (var i = 0; i < clients; i++)
            {
                using var client = Client.Connect(listener.EndPoint, Peers.Keyed);
                using var server = listener.Accept();
                using var silent = Peers.Raw(listener.EndPoint);
            }

            Peers.Raw(listener.EndPoint).Dispose();
        }

        Storm(1);
        Peers.Until(
            () =>
            {
                // Other tests have descriptors, too: the count must come back once, not stay.
                var before = Peers.OpenDescriptors();
                Storm(100);
                return Peers.OpenDescriptors() <= before + 20;
            },
            "a hundred clients leave no descriptor behind");
    }

    [Fact]
    public void Wrong_options_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Listener(new ListenerOptions { Backlog = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Listener(new ListenerOptions { MaxHandshakes = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Listener(new ListenerOptions { AuthKey = [], Digest = (HandshakeDigest)9 }));
        Assert.Throws<ArgumentException>(() => new Listener(new DnsEndPoint("localhost", 0)));
    }
}
