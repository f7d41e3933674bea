using System.Net.Sockets;
using TicketRush.Server.Tests.Hosting;
using TicketRush.Server.Upgrades;

namespace TicketRush.Server.Tests;

/// <summary>What a server and its successor leave to each other, and how both are found.</summary>
public sealed class HandOverTests
{
    [Fact]
    public void A_Unix_socket_is_not_passed_on()
    {
        using var directory = new KeyTests.TemporaryDirectory();
        var sockets = ListenSockets.FromEnvironment();
        using var socket = sockets.Bind(new UnixDomainSocketEndPoint(Path.Combine(directory.Path, "http")));
        var refused = Assert.Throws<NotSupportedException>(() => sockets.Share());
        Assert.Contains("Unix socket", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>Who looks tries the lock; that must neither keep a server from it nor take it for dead.</summary>
    [Fact]
    public async Task A_server_is_found_however_many_look_while_it_starts()
    {
        using var directory = new KeyTests.TemporaryDirectory();
        using var stop = new CancellationTokenSource();
        var looking = Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
        {
            while (!stop.IsCancellationRequested) Registration.Find(directory.Path);
        })).ToArray();
        for (var i = 0; i < 300; i++)
        {
            using var server = new Registration(directory.Path);
            Assert.True(Registration.Find(directory.Path).Any(one => one.Process == Environment.ProcessId), $"not the {i}th time");
        }

        await stop.CancelAsync();
        await Task.WhenAll(looking);
        Assert.Empty(Registration.Find(directory.Path));
    }

    [Fact]
    public void One_that_died_is_forgotten_and_its_files_with_it()
    {
        using var directory = new KeyTests.TemporaryDirectory();
        var servers = Directory.CreateDirectory(Path.Combine(directory.Path, "servers")).FullName;
        foreach (var name in new[] { "999999999", "999999999.lock", "1", "1.lock" }) File.WriteAllText(Path.Combine(servers, name), "");
        Assert.Empty(Registration.Find(directory.Path));

        // The process 1 runs, whatever it is: it may be about to lock its file, and is not to be signalled before it has.
        Assert.Equal(["1", "1.lock"], Directory.GetFiles(servers).Select(Path.GetFileName).Order());
    }
}
