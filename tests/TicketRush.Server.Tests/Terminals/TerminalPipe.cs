using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Terminals;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Terminals;

/// <summary>A session without a network between: what is sent arrives in exactly the pieces in which it was sent.</summary>
internal sealed class TerminalPipe : IAsyncDisposable
{
    private static readonly PipeOptions Inline = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0,
        useSynchronizationContext: false);

    private readonly Pipe _toServer = new(Inline), _toClient = new(Inline);
    private readonly Task _running;

    /// <param name="remote">The client's address as the server sees it; that of this machine unless one is given.</param>
    /// <param name="local">The server's own, likewise.</param>
    public TerminalPipe(RunningServer server, string remote = "127.0.0.1", string local = "127.0.0.1")
    {
        var services = server.App.Services.GetRequiredService<TerminalServices>();
        var (input, output) = (new Duplex(_toServer.Reader, _toClient.Writer), new Duplex(_toClient.Reader, _toServer.Writer));
        var connection = new DefaultConnectionContext("pipe", input, output)
        {
            RemoteEndPoint = new IPEndPoint(IPAddress.Parse(remote), 1),
            LocalEndPoint = new IPEndPoint(IPAddress.Parse(local), 2),
        };
        Channel = Handshake.ChannelOf((IPEndPoint)connection.RemoteEndPoint, (IPEndPoint)connection.LocalEndPoint);
        _running = RunAsync(new(services, connection, services.Door.TryEnter(IPAddress.Parse(remote), out _)!));
    }

    /// <summary>What proofs on this connection are bound to.</summary>
    public string Channel { get; }

    /// <summary>The session has ended by itself.</summary>
    public bool HasEnded => _running.IsCompleted;

    public async Task SendAsync(ReadOnlyMemory<byte> piece)
    {
        await _toServer.Writer.WriteAsync(piece);
    }

    /// <summary>Asks for what is answered with one line.</summary>
    public async Task<string> AskLineAsync(params string[] words)
    {
        await SendAsync(Terminal.Frame(words));
        return (await ReadUntilAsync("\r\n"))[..^2];
    }

    /// <summary>Asks for a challenge.</summary>
    /// <returns>The server's nonce and its proof.</returns>
    public async Task<(string Nonce, string Proof)> ChallengeAsync(string keyId, string nonce)
    {
        await SendAsync(Terminal.Frame("AUTH", "CHALLENGE", "client", keyId, nonce));
        var lines = (await ReadUntilAsync("\r\n")).Split("\r\n");
        return (lines[2], lines[4]);
    }

    /// <summary>Reads replies until what came ends so, or no more comes.</summary>
    public async Task<string> ReadUntilAsync(string end)
    {
        var last = Encoding.UTF8.GetBytes(end);
        while (true)
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            var read = await _toClient.Reader.ReadAsync(deadline.Token);
            var bytes = read.Buffer.ToArray();
            if (bytes.AsSpan().EndsWith(last) || read.IsCompleted)
            {
                _toClient.Reader.AdvanceTo(read.Buffer.End);
                return Encoding.UTF8.GetString(bytes);
            }

            _toClient.Reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Sends the end; waits for the session to end.</summary>
    /// <returns>Everything that was answered since the last read.</returns>
    public async Task<byte[]> EndAsync()
    {
        await _toServer.Writer.CompleteAsync();
        await _running.WaitAsync(TimeSpan.FromSeconds(20));
        var read = await _toClient.Reader.ReadAsync();
        var bytes = read.Buffer.ToArray();
        _toClient.Reader.AdvanceTo(read.Buffer.End);
        return bytes;
    }

    public async ValueTask DisposeAsync()
    {
        await _toServer.Writer.CompleteAsync();
        await _running;
    }

    private async Task RunAsync(TerminalSession session)
    {
        await session.RunAsync();
        await _toClient.Writer.CompleteAsync();
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
