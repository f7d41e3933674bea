using System.Net;
using System.Text;

namespace TicketRush.Multiprocessing.Tests.Connections;

/// <summary>CPython at the other end: the handshakes in both directions, 100,000 items there and back, descriptors.</summary>
public sealed class PythonTests : IDisposable
{
    public void Dispose() => Python.EndAll();

    // How both programs name the listener: an abstract name travels without its zero byte.
    private const string Address = """
        import sys, json, os, time
        from multiprocessing import AuthenticationError
        from multiprocessing.connection import Client, Listener, wait
        def address(text):
            return ('127.0.0.1', int(text)) if text.isdigit() else '\0' + text

        """;

    // The handshake of CPython 3.12 and later, written down again from its description, for machines that have only an older one.
    private const string ModernPeer = """
        import sys, socket, struct, hmac, os
        def send(s, m): s.sendall(struct.pack('!i', len(m)) + m)
        def take(s, n):
            b = b''
            while len(b) < n:
                c = s.recv(n - len(b))
                if not c: raise EOFError
                b += c
            return b
        def receive(s):
            n, = struct.unpack('!i', take(s, 4))
            assert 0 <= n <= 256
            return take(s, n)
        def deliver(s, key, digest):
            message = b'{' + digest.encode() + b'}' + os.urandom(40)
            send(s, b'#CHALLENGE#' + message)
            proof = b'{' + digest.encode() + b'}' + hmac.new(key, message, digest).digest()
            good = hmac.compare_digest(receive(s), proof)
            send(s, b'#WELCOME#' if good else b'#FAILURE#')
            return good
        def answer(s, key):
            message = receive(s)
            assert message.startswith(b'#CHALLENGE#')
            message = message[11:]
            digest = message[1:message.index(b'}')].decode()
            send(s, b'{' + digest.encode() + b'}' + hmac.new(key, message, digest).digest())
            return receive(s) == b'#WELCOME#'
        name, key, role, digest = sys.argv[1], sys.argv[2].encode(), sys.argv[3], sys.argv[4]
        s = socket.socket(socket.AF_UNIX)
        if role == 'client':
            s.connect('\0' + name)
            good = answer(s, key) and deliver(s, key, digest)
        else:
            l = socket.socket(socket.AF_UNIX); l.bind('\0' + name); l.listen()
            print('listening', flush=True)
            s = l.accept()[0]
            good = deliver(s, key, digest) and answer(s, key)
        if good:
            send(s, receive(s)[::-1])
        print('good' if good else 'refused')
        """;

    private static string Echo => Address + """
        with Client(address(sys.argv[1]), authkey=sys.argv[2].encode()) as c:
            while True:
                try: m = c.recv_bytes()
                except EOFError: break
                c.send_bytes(m)
        print('done')
        """;

    [Theory, Trait("Case", "59")]
    [InlineData(true, false), InlineData(false, false), InlineData(true, true), InlineData(false, true)]
    public async Task A_python_client_with_the_key_comes_in(bool legacy, bool tcp)
    {
        var python = legacy ? Python.Legacy : Python.Modern;
        var options = new ListenerOptions { AuthKey = Peers.Key, AllowLegacyMd5 = legacy };
        using var listener = tcp ? new Listener(new IPEndPoint(IPAddress.Loopback, 0), options) : new Listener(options);
        var running = python.RunAsync(Echo, Name(listener.EndPoint), "a key");
        using (var server = listener.TryAccept(Peers.Patience)!)
        {
            foreach (var size in new[] { 0, 1, 16_384, 16_385, 1 << 20 })
            {
                var message = new byte[size];
                new Random(size).NextBytes(message);
                server.Send(message);
                Assert.Equal(message, server.Receive());
            }
        }

        Assert.Equal("done", await running);
    }

    [Theory, Trait("Case", "59")]
    [InlineData(true), InlineData(false)]
    public async Task A_python_listener_with_the_key_lets_us_in(bool legacy)
    {
        var python = legacy ? Python.Legacy : Python.Modern;
        var name = Peers.NewName();
        var running = python.RunAsync(
            Address + """
            with Listener(address(sys.argv[1]), authkey=b'a key') as l:
                try: l.accept(); print('let in'); sys.exit(1)
                except AuthenticationError: print('refused', end=' ')
                with l.accept() as c:
                    c.send_bytes(c.recv_bytes() + b' to you')
                    assert c.poll(30)
                    try: c.recv_bytes()
                    except EOFError: print('done')
            """,
            name[1..]);
        var wrong = new ConnectionOptions { AuthKey = "another"u8.ToArray(), AllowLegacyMd5 = legacy };
        await WhenListening(() => Refused(name, wrong));
        using (var client = Client.Connect(name, new() { AuthKey = Peers.Key, AllowLegacyMd5 = legacy }))
        {
            client.Send("hello"u8);
            Assert.Equal("hello to you"u8, client.Receive());
        }

        Assert.Equal("refused done", await running);
    }

    [Theory, Trait("Case", "59")]
    [InlineData(true), InlineData(false)]
    public async Task A_python_client_with_another_key_is_told_so_and_the_next_is_served(bool legacy)
    {
        var python = legacy ? Python.Legacy : Python.Modern;
        using var listener = new Listener(new ListenerOptions { AuthKey = Peers.Key, AllowLegacyMd5 = legacy });
        var failed = new TaskCompletionSource<AuthenticationFailedException>();
        listener.HandshakeFailed += e => failed.TrySetResult(e);
        const string tryOnce = """
            try: Client(address(sys.argv[1]), authkey=b'another'); print('let in')
            except AuthenticationError: print('refused')
            """;
        Assert.Equal("refused", await python.RunAsync(Address + tryOnce, Name(listener.EndPoint)));
        await failed.Task.WaitAsync(Peers.Patience);
        var running = python.RunAsync(Echo, Name(listener.EndPoint), "a key");
        using (var server = listener.TryAccept(Peers.Patience)!)
        {
            server.Send([7]);
            Assert.Equal([7], server.Receive());
        }

        Assert.Equal("done", await running);
    }

    [Fact, Trait("Case", "59")]
    public async Task Md5_is_refused_unless_it_was_asked_for_on_either_side()
    {
        var python = Python.Legacy;
        using var listener = new Listener(Peers.Keyed);
        var failed = new TaskCompletionSource<AuthenticationFailedException>();
        listener.HandshakeFailed += e => failed.TrySetResult(e);
        const string tryOnce = """
            try: Client(address(sys.argv[1]), authkey=b'a key'); print('let in')
            except AuthenticationError: print('refused')
            """;
        Assert.Equal("refused", await python.RunAsync(Address + tryOnce, Name(listener.EndPoint)));
        Assert.Contains("AllowLegacyMd5", (await failed.Task.WaitAsync(Peers.Patience)).Message);

        var name = Peers.NewName();
        var running = python.RunAsync(
            Address + """
            with Listener(address(sys.argv[1]), authkey=b'a key') as l:
                try: l.accept(); print('let in')
                except EOFError: print('left')
            """,
            name[1..]);
        await WhenListening(() => Refused(name, Peers.Keyed));
        Assert.Equal("left", await running);
    }

    [Theory, Trait("Case", "59")]
    [InlineData("client", "sha256"), InlineData("client", "sha384"), InlineData("client", "sha3_256"), InlineData("client", "sha3_384")]
    [InlineData("listener", "sha256"), InlineData("listener", "sha384"), InlineData("listener", "sha3_256")]
    public async Task The_handshake_of_3_12_passes_with_every_digest_and_only_with_the_key(string role, string digest)
    {
        var python = Python.Any;
        foreach (var key in new[] { "a key", "another" })
        {
            var good = key == "a key";
            Connection? connection = null;
            Task<string> running;
            if (role == "client")
            {
                using var listener = new Listener(Peers.Keyed);
                running = python.RunAsync(ModernPeer, Name(listener.EndPoint), key, role, digest);
                connection = good ? listener.TryAccept(Peers.Patience) : null;
                if (!good) Assert.Equal("refused", await running);
            }
            else
            {
                var name = Peers.NewName();
                running = python.RunAsync(ModernPeer, name[1..], key, role, digest);
                await WhenListening(() =>
                {
                    if (good) connection = Client.Connect(name, Peers.Keyed);
                    else Refused(name, Peers.Keyed);
                });
            }

            using (connection)
            {
                connection?.Send("abc"u8);
                if (good) Assert.Equal("cba"u8, connection!.Receive());
            }

            Assert.EndsWith(good ? "good" : "refused", await running);
        }
    }

    // Both ways at once, so that both ends' sockets fill: none is lost, none comes twice, all are in order.
    [Fact]
    public async Task A_hundred_thousand_items_go_to_python_and_come_back()
    {
        const int items = 100_000;
        var python = Python.Any;
        using var listener = new Listener(new ListenerOptions { AuthKey = Peers.Key, AllowLegacyMd5 = true });
        var running = python.RunAsync(
            Address + """
            with Client(address(sys.argv[1]), authkey=b'a key') as c:
                for i in range(50000):
                    m = c.recv_bytes()
                    assert len(m) == 4 + i % 50 and int.from_bytes(m[:4], 'little') == i, i
                    c.send_bytes(m)
                for i in range(50000):
                    v = json.loads(c.recv_bytes())
                    assert v['Id'] == i and v['Text'] == 'seat %d' % i, v
                    v['Text'] = v['Text'].upper()
                    c.send_bytes(json.dumps(v).encode())
            print('done')
            """,
            Name(listener.EndPoint));
        using var server = listener.TryAccept(Peers.Patience)!;
        var sending = Peers.Run(() =>
        {
            var buffer = new byte[54];
            for (var i = 0; i < items / 2; i++)
            {
                BitConverter.TryWriteBytes(buffer, i);
                server.Send(buffer, 0, 4 + i % 50);
            }

            for (var i = 0; i < items / 2; i++) server.Send(new(i, $"seat {i}"), PeersJson.Default.Parcel);
        });
        var received = 0;
        for (; received < items / 2; received++)
        {
            var message = server.Receive();
            Assert.Equal((4 + received % 50, received), (message.Length, BitConverter.ToInt32(message)));
        }

        for (; received < items; received++)
            Assert.Equal(new(received - items / 2, $"SEAT {received - items / 2}"), server.Receive(PeersJson.Default.Parcel));
        await sending;
        Assert.Equal("done", await running);
        Assert.Throws<EndOfStreamException>(() => server.Receive());
    }

    [Fact, Trait("Case", "56")]
    public async Task Descriptors_go_to_python_and_come_back()
    {
        var python = Python.Any;
        using var listener = new Listener();
        var running = python.RunAsync(
            Address + """
            from multiprocessing import reduction
            with Client(address(sys.argv[1])) as c:
                fd = reduction.recv_handle(c)
                os.write(fd, b'written by python'); os.close(fd)
                r, w = os.pipe()
                reduction.send_handle(c, r, 0)
                os.write(w, b'through a pipe')
            print('done')
            """,
            Name(listener.EndPoint));
        using var server = listener.TryAccept(Peers.Patience)!;
        var path = System.IO.Path.GetTempFileName();
        try
        {
            using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write)) server.SendDescriptor(file);
            using var pipe = new FileStream(server.ReceiveDescriptor(), FileAccess.Read);
            Assert.Equal("done", await running);
            Assert.Equal("through a pipe", new StreamReader(pipe).ReadToEnd());
            Assert.Equal("written by python", File.ReadAllText(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string Name(EndPoint address) => address is IPEndPoint ip ? $"{ip.Port}" : address.ToString()!.TrimStart('@');

    // Not Assert.Throws: that nobody listens yet must come out as what it is.
    private static void Refused(string name, ConnectionOptions options)
    {
        try
        {
            Client.Connect(name, options).Dispose();
        }
        catch (AuthenticationFailedException)
        {
            return;
        }

        Assert.Fail("The client was let in.");
    }

    /// <summary>The program needs a moment before it listens.</summary>
    private static async Task WhenListening(Action connect)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                connect();
                return;
            }
            catch (System.Net.Sockets.SocketException) when (tries < 1000)
            {
                await Task.Delay(20);
            }
        }
    }
}
