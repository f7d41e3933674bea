using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using TicketRush.Server.Upgrades;

namespace TicketRush.Server.Terminals;

/// <summary>
/// The terminals port: a Kestrel of its own beside the one that serves HTTP, so that neither's connections and limits are the other's. Who
/// has no room is turned away before TLS; handshakes, TLS's and ours, are those of their connection alone and keep nobody else from being
/// accepted.
/// </summary>
public sealed class TerminalListener : IHostedService, IDisposable
{
    /// <summary>Where a TLS connection keeps what its proofs are bound to.</summary>
    public const string ChannelItem = "ticketrush.channel";

    private readonly TerminalServices _services;
    private readonly TerminalEndpoint _endpoint;
    private readonly KestrelServer _kestrel;
    private readonly Drain _drain;
    private readonly ILogger _log;
    private readonly X509Certificate2? _certificate;
    private readonly X509Certificate2Collection _chain = [];

    internal TerminalListener(TerminalEndpoint endpoint, IServiceProvider provider)
    {
        var logs = provider.GetRequiredService<ILoggerFactory>();
        var (services, configuration) = (provider.GetRequiredService<TerminalServices>(), provider.GetRequiredService<IConfiguration>());
        (_services, _endpoint, _log) = (services, endpoint, logs.CreateLogger("TicketRush.Terminals"));
        _drain = provider.GetRequiredService<Drain>();
        _certificate = endpoint.Tls ? Certificate(configuration, _chain) : null;
        var options = new KestrelServerOptions { ApplicationServices = provider };
        options.Limits.MaxResponseBufferSize = services.Limits.OutputMax;
        options.Limits.MaxRequestBufferSize = 2 * TerminalLimits.CommandBytesMax;
        endpoint.ListenWith(options, Listen);

        // The host's own: a successor is given these listening sockets with the others.
        var transport = provider.GetRequiredService<IOptions<SocketTransportOptions>>();
        _kestrel = new(Options.Create(options), new SocketTransportFactory(transport, logs), logs);
    }

    /// <summary>Where it listens, once it does; a port of 0 has become a real one.</summary>
    public string Address { get; private set; } = "";

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _kestrel.StartAsync(new NoHttp(), cancellationToken);
        var bound = new Uri(_kestrel.Features.Get<IServerAddressesFeature>()!.Addresses.First());
        Address = (_endpoint.Tls ? "tls:" : "") + $"{_endpoint.Host}:{bound.Port}";
        if (_services.Keys.WithId("") is { Verifier: null }) Log.GuessableKey(_log);
    }

    public Task StopAsync(CancellationToken cancellationToken) => _kestrel.StopAsync(cancellationToken);

    public void Dispose()
    {
        _kestrel.Dispose();
        _certificate?.Dispose();
        foreach (var certificate in _chain) certificate.Dispose();
    }

    private void Listen(ListenOptions listen)
    {
        _drain.Count(listen);
        listen.Use(next => connection => AdmitAsync(connection, next));
        if (_certificate is not null)
        {
            var channel = Handshake.ChannelOf(_certificate.RawData);
            listen.UseHttps(_certificate, https =>
            {
                https.HandshakeTimeout = _services.Limits.HandshakeMax;

                // Clients know the root at most; what lies between they are shown.
                https.ServerCertificateChain = _chain;
            });
            listen.Use(next => connection =>
            {
                connection.Items[ChannelItem] = channel;
                return next(connection);
            });
        }

        listen.Run(ServeAsync);
    }

    private async Task ServeAsync(ConnectionContext connection)
    {
        try
        {
            await new TerminalSession(_services, connection, connection.Features.Get<Door.Guest>()!).RunAsync();
        }
        catch (SocketException)
        {
            // The peer's machine has not answered for too long.
        }
        catch (Exception e)
        {
            // What is wrong with one connection ends that one; Kestrel would do the same and say nothing.
            Log.TerminalFailed(_log, e);
        }
    }

    private async Task AdmitAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        using var guest = _services.Door.TryEnter((connection.RemoteEndPoint as IPEndPoint)?.Address, out var reason);
        if (guest is not null)
        {
            AskAfter(connection.Features.Get<IConnectionSocketFeature>()?.Socket, _services.Limits.SilentPeerMax);
            var closing = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? default;
            using var leaving = CancellationTokenSource.CreateLinkedTokenSource(closing, _drain.Leaving);
            connection.Features.Set<IConnectionLifetimeNotificationFeature>(new Leaving(leaving));
            connection.Features.Set(guest);
            await next(connection);
            return;
        }

        _services.TurnedAway.Add("TOO_MANY_CONNECTIONS");
        if (_certificate is null)
        {
            var writer = new RespWriter(connection.Transport.Output);
            writer.Error("TOO_MANY_CONNECTIONS", reason);
            writer.Hand();
            await connection.Transport.Output.FlushAsync();
        }
    }

    // A peer that is gone without a word, with its power or its network, would keep its connection for ever, and a watch with it: such a
    // one may be silent. What was sent and is not acknowledged keeps the first two from being asked at all; the third is for that.
    private static void AskAfter(Socket? socket, TimeSpan most)
    {
        const int Tcp = 6, UserTimeout = 18;
        if (socket is null) return;
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, Math.Max(1, (int)most.TotalSeconds / 2));
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, Math.Max(1, (int)most.TotalSeconds / 6));
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            if (OperatingSystem.IsLinux()) socket.SetRawSocketOption(Tcp, UserTimeout, BitConverter.GetBytes((int)most.TotalMilliseconds));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It has gone already.
        }
    }

    /// <summary>The certificate that Kestrel would serve HTTPS with, read from the same settings.</summary>
    /// <param name="chain">Given what the file has beside it.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    private static X509Certificate2 Certificate(IConfiguration configuration, X509Certificate2Collection chain)
    {
        var settings = configuration.GetSection("Kestrel:Certificates:Default");
        var (path, key, password) = (settings["Path"], settings["KeyPath"], settings["Password"]);
        if (path is null)
        {
            throw new ArgumentException(
                "--terminals tls:… needs a certificate: set Kestrel__Certificates__Default__Path, and …__KeyPath or …__Password.");
        }

        if (key is null)
        {
            chain.AddRange(X509CertificateLoader.LoadPkcs12CollectionFromFile(path, password));
            return X509CertificateLoader.LoadPkcs12FromFile(path, password);
        }

        chain.ImportFromPemFile(path);
        using var pem = password is null
            ? X509Certificate2.CreateFromPemFile(path, key)
            : X509Certificate2.CreateFromEncryptedPemFile(path, password, key);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }

    /// <summary>The connection is asked to end when Kestrel stops, and already when a successor has taken this server's place.</summary>
    private sealed class Leaving(CancellationTokenSource source) : IConnectionLifetimeNotificationFeature
    {
        public CancellationToken ConnectionClosedRequested { get; set; } = source.Token;

        public void RequestClose() => source.Cancel();
    }

    // Kestrel asks for somebody to serve HTTP; no endpoint here speaks it.
    private sealed class NoHttp : IHttpApplication<IFeatureCollection>
    {
        public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

        public Task ProcessRequestAsync(IFeatureCollection context) => throw new NotSupportedException("HTTP is not spoken at this port.");

        public void DisposeContext(IFeatureCollection context, Exception? exception)
        {
        }
    }
}

/// <summary>Where terminals are listened for: <c>HOST:PORT</c>, or <c>tls:HOST:PORT</c>.</summary>
/// <param name="Host">An address, <c>localhost</c>, or <c>*</c> for all.</param>
public sealed record TerminalEndpoint(string Host, int Port, bool Tls)
{
    public static bool TryParse(string text, out TerminalEndpoint endpoint)
    {
        endpoint = null!;
        var tls = text.StartsWith("tls:", StringComparison.Ordinal);
        if (tls) text = text[4..];
        var colon = text.LastIndexOf(':');
        if (colon < 1 || !ushort.TryParse(text.AsSpan(colon + 1), System.Globalization.NumberStyles.None, null, out var port)) return false;
        endpoint = new(text[..colon], port, tls);
        return endpoint.Host is "localhost" or "*" || IPAddress.TryParse(endpoint.Host.Trim('[', ']'), out _);
    }

    internal void ListenWith(KestrelServerOptions options, Action<ListenOptions> configure)
    {
        // Both families where there are two, and the older one alone where the newer is switched off.
        if (Host == "*") options.ListenAnyIP(Port, configure);
        else if (Host == "localhost" && Port != 0) options.ListenLocalhost(Port, configure);

        // A free port is free in one family; the other may have given it away.
        else options.Listen(Host == "localhost" ? IPAddress.Loopback : IPAddress.Parse(Host.Trim('[', ']')), Port, configure);
    }
}
