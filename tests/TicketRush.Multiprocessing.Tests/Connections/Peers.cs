using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing.Tests.Connections;

/// <summary>What the tests of connections share: times, names, a context, other threads.</summary>
internal static class Peers
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    public static readonly byte[] Key = "a key"u8.ToArray();

    public static ListenerOptions Keyed => new() { AuthKey = Key };

    public static string NewName() => $"\0ticketrush-test-{Guid.NewGuid():N}";

    /// <summary>A thread of its own, whose failure fails the test.</summary>
    public static Task Run(Action work) => Task.Factory.StartNew(work, TaskCreationOptions.LongRunning);

    public static Task<T> Run<T>(Func<T> work) => Task.Factory.StartNew(work, TaskCreationOptions.LongRunning);

    public static void Until(Func<bool> condition, string what)
    {
        for (var watch = Stopwatch.StartNew(); !condition(); Thread.Sleep(2))
            Assert.True(watch.Elapsed < Patience, "It never came to be that " + what + ".");
    }

    /// <summary>A raw socket to a listener, to misbehave with.</summary>
    public static Socket Raw(EndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(address);
        return socket;
    }

    /// <summary>The other end of a connection as a raw socket.</summary>
    public static (Connection Connection, Socket Raw) Half()
    {
        var (first, second) = Pipe.Create();
        using (second)
        {
            var descriptor = Native.Descriptors.Duplicate(second.Handle);
            var raw = new Socket(new SafeSocketHandle(descriptor.DangerousGetHandle(), ownsHandle: true));
            descriptor.SetHandleAsInvalid();
            return (first, raw);
        }
    }

    public static int OpenDescriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;
}

internal sealed record Parcel(int Id, string? Text, Connection? Way = null);

[JsonSerializable(typeof(Parcel))]
[JsonSerializable(typeof(Connection))]
[JsonSerializable(typeof(int[]))]
[JsonSerializable(typeof(int))]
internal sealed partial class PeersJson : JsonSerializerContext;
