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
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0, useSynchronizationContext: false);

    private readonly Pipe _toServer = new(Inline), _toClient = new(Inline);
    private readonly Task _running;

    public TerminalPipe(RunningServer server)
    {
        var services = server.App.Services.GetRequiredService<TerminalServices>();
        var connection = new DefaultConnectionContext("fuzz", new Duplex(_toServer.Reader, _toClient.Writer), new Duplex(_toClient.Reader, _toServer.Writer))
        {
            RemoteEndPoint = new IPEndPoint(IPAddress.Loopback, 1),
            LocalEndPoint = new IPEndPoint(IPAddress.Loopback, 2),
        };
        _running = RunAsync(new(services, connection, services.Door.TryEnter(IPAddress.Loopback, out _)!));
    }

    /// <summary>The session has ended by itself.</summary>
    public bool HasEnded => _running.IsCompleted;

    public async Task SendAsync(ReadOnlyMemory<byte> piece)
    {
        await _toServer.Writer.WriteAsync(piece);
    }

    /// <summary>Reads replies until there are so many lines, or no more come.</summary>
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
