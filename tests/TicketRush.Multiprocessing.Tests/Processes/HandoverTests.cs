using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Native;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing.Tests.Processes;

/// <summary>Sockets and files that become a child's by being its arguments.</summary>
public sealed class HandoverTests : IDisposable
{
    private readonly Kids _kids = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Case", "56")]
    public async Task An_accepted_socket_is_served_by_a_child(bool asynchronous)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        var accepting = listener.AcceptSocketAsync();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        ChildProcess child;
        using (var accepted = await accepting)
        {
            child = asynchronous
                ? _kids.Start(Targets.ServeAsync, new Hello("hi", accepted))
                : _kids.Start(Targets.Serve, accepted);
        }

        // The parent has closed its own: only the child can answer, and only the child holds the connection open.
        var stream = client.GetStream();
        var buffer = new byte[100];
        foreach (var text in (string[])["one", "two"])
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
            var answer = Encoding.UTF8.GetString(buffer, 0, stream.Read(buffer));
            Assert.Equal(asynchronous ? $"hi:{text}" : $"{child.Pid}:{text}", answer);
        }

        client.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, stream.Read(buffer));
        child.Join();
        Assert.Equal(0, child.ExitCode);
    }

    [Fact]
    [Trait("Case", "56")]
    public async Task A_socket_that_was_used_asynchronously_before_is_served_by_a_child_that_blocks()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        var accepting = listener.AcceptSocketAsync();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        var (stream, buffer) = (client.GetStream(), new byte[100]);
        ChildProcess child;
        using (var accepted = await accepting)
        {
            // A read that waits: from then on the system does not block on this socket, in no process.
            var greeting = accepted.ReceiveAsync(buffer.AsMemory());
            stream.Write("hello"u8);
            Assert.Equal(5, await greeting);
            child = _kids.Start(Targets.Serve, accepted);
        }

        foreach (var text in (string[])["one", "two"])
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
            Assert.Equal($"{child.Pid}:{text}", Encoding.UTF8.GetString(buffer, 0, stream.Read(buffer)));

            // Until it waits for more.
            Thread.Sleep(200);
        }

        client.Client.Shutdown(SocketShutdown.Send);
        child.Join();
        Assert.Equal(0, child.ExitCode);
    }

    [Fact]
    public void Whoever_is_called_back_may_ask_to_be_called_back_again_however_many_others_ask()
    {
        var child = _kids.Start(Targets.WatchFromWithin);
        Assert.True(child.Join(Kids.Patience), "The thread that watches waits for itself.");
        Assert.Equal(0, child.ExitCode);
    }

    [Fact]
    [Trait("Case", "21")]
    public void A_subclass_is_an_actor_over_a_pipe()
    {
        var (ours, theirs) = Descriptors.Pair(packets: false);
        var actor = _kids.Keep(Upper.Begin(AsSocket(ours), AsSocket(theirs)));
        Assert.Equal("HELLO", actor.Ask("hello"));
        Assert.Equal("AGAIN", actor.Ask("again"));
        Assert.Equal(2, actor.Sent);
        actor.End();
        actor.Join();
        Assert.Equal(0, actor.ExitCode);
    }

    [Fact]
    [Trait("Case", "55")]
    public void A_lock_and_a_connection_are_arguments_without_any_context()
    {
        using var turn = new SharedLock();
        var (ours, theirs) = Pipe.Create();
        using (ours)
        {
            turn.Acquire();
            var child = _kids.Start(Targets.SendInTurn, turn, theirs);
            theirs.Dispose();
            Assert.False(ours.Poll(TimeSpan.FromMilliseconds(300)));

            turn.Release();
            Assert.Equal("in turn"u8.ToArray(), ours.Receive());
            child.Join();
            Assert.Equal(0, child.ExitCode);
        }
    }

    [Fact]
    [Trait("Case", "D1")]
    public void What_a_killed_child_held_is_free_when_its_end_is_known()
    {
        using var turn = new SharedLock();
        var child = _kids.Start(Targets.Hold, turn, _kids.File("held"));
        _kids.Read("held");
        child.Kill();
        child.Join();
        Assert.Equal(LockResult.Abandoned, turn.Acquire(TimeSpan.Zero));
    }

    [Fact]
    public void Descriptors_arrive_with_their_message_and_those_that_nobody_takes_are_closed()
    {
        var (ours, theirs) = Descriptors.Pair(packets: true);
        using (ours)
        using (theirs)
        using (var file = File.OpenHandle(_kids.File("file"), FileMode.Create, FileAccess.ReadWrite))
        {
            RandomAccess.Write(file, "seats"u8, 0);
            using (var handover = Handover.Collect())
            {
                Assert.Equal([0, 1], [Handover.Add(file, "a file"), Handover.Add(file, "a file")]);
                Descriptors.Send(ours, "two"u8, handover.Descriptors);
            }

            var buffer = new byte[10];
            Assert.Equal(3, Descriptors.Receive(theirs, buffer, out var came));
            using (Handover.Supply(came))
            {
                using var taken = Handover.Take(1);
                Assert.Equal(5, RandomAccess.Read(taken, buffer, 0));
                Assert.Throws<JsonException>(() => Handover.Take(1));
                Assert.Throws<JsonException>(() => Handover.Take(2));
            }

            Assert.True(came[0].IsClosed);
            Assert.False(file.IsClosed);
        }
    }

    [Fact]
    public void Outside_a_handover_a_descriptor_is_refused_and_the_message_says_where_it_can_go()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        var refused = Assert.Throws<NotSupportedException>(() => Handover.Add(socket.SafeHandle, "a socket"));
        Assert.StartsWith("A socket can be an argument of a child process", refused.Message, StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(() => Handover.Take(0));
    }

    [Fact]
    public void More_descriptors_than_one_message_can_carry_are_refused()
    {
        using var file = File.OpenHandle("/dev/null");
        using var handover = Handover.Collect();
        for (var i = 0; i < 250; i++) Handover.Add(file, "a file");
        Assert.Throws<NotSupportedException>(() => Handover.Add(file, "a file"));
    }

    [Fact]
    public void A_closed_end_is_an_error_for_the_sender_and_the_end_for_the_receiver()
    {
        var (ours, theirs) = Descriptors.Pair(packets: true);
        theirs.Dispose();
        Assert.Throws<IOException>(() => Descriptors.Send(ours, [1], []));
        Assert.Equal(0, Descriptors.Receive(ours, new byte[1], out _));
        ours.Dispose();
    }

    public void Dispose() => _kids.Dispose();

    private static Socket AsSocket(SafeFileHandle handle)
    {
        var socket = new Socket(new SafeSocketHandle(handle.DangerousGetHandle(), ownsHandle: true));
        handle.SetHandleAsInvalid();
        return socket;
    }
}
