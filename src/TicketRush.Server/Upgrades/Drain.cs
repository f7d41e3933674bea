using System.Diagnostics;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using HttpProtocol = Microsoft.AspNetCore.Http.HttpProtocol;

namespace TicketRush.Server.Upgrades;

/// <summary>
/// A server that leaves while another has taken its place: whoever has a connection here is answered once more, and told with that answer
/// to come again on another. No request over HTTP is dropped; what a terminal has sent beyond what is being answered is asked again by its
/// client, with the same id.
/// </summary>
public sealed class Drain
{
    private readonly CancellationTokenSource _leaving = new();
    private int _connections;

    /// <summary>Connections that are open.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Cancelled when the server leaves: what cannot say with an answer that its client is to come again ends its connections
    /// then.</summary>
    internal CancellationToken Leaving => _leaving.Token;

    internal void Count(ListenOptions listen) => listen.Use(next => async connection =>
    {
        Interlocked.Increment(ref _connections);
        try
        {
            await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    });

    internal Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        if (_leaving.IsCancellationRequested && HttpProtocol.IsHttp11(http.Request.Protocol)) http.Response.Headers.Connection = "close";
        return next(http);
    }

    /// <summary>Ends when nobody is connected any more, or the time is over: who then still is has asked nothing for so long, or
    /// watches.</summary>
    internal async Task LeaveAsync(TimeSpan most)
    {
        await _leaving.CancelAsync();
        var since = Stopwatch.GetTimestamp();
        while (Connections > 0 && Stopwatch.GetElapsedTime(since) < most) await Task.Delay(10);
    }
}
