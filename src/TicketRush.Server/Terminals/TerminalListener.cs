using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

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
    private readonly ILogger _log;
    private readonly X509Certificate2? _certificate;

    internal TerminalListener(TerminalServices services, TerminalEndpoint endpoint, IConfiguration configuration, IServiceProvider provider, ILoggerFactory logs)
    {
        (_services, _endpoint, _log) = (services, endpoint, logs.CreateLogger("TicketRush.Terminals"));
        _certificate = endpoint.Tls ? Certificate(configuration) : null;
        var options = new KestrelServerOptions { ApplicationServices = provider };
        options.Limits.MaxResponseBufferSize = services.Limits.OutputMax;
        options.Limits.MaxRequestBufferSize = 2 * TerminalLimits.CommandBytesMax;
        foreach (var address in endpoint.Addresses()) options.Listen(address, endpoint.Port, Listen);
        _kestrel = new(Options.Create(options), new SocketTransportFactory(Options.Create(new SocketTransportOptions()), logs), logs);
    }

    /// <summary>Where it listens, once it does; a port of 0 has become a real one.</summary>
    public string Address { get; private set; } = "";

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _kestrel.StartAsync(new NoHttp(), cancellationToken);
        var bound = new Uri(_kestrel.Features.Get<IServerAddressesFeature>()!.Addresses.First());
        Address = (_endpoint.Tls ? "tls:" : "") + $"{_endpoint.Host}:{bound.Port}";
    }

    public Task StopAsync(CancellationToken cancellationToken) => _kestrel.StopAsync(cancellationToken);

    public void Dispose()
    {
        _kestrel.Dispose();
        _certificate?.Dispose();
    }

    private void Listen(ListenOptions listen)
    {
        listen.Use(next => connection => AdmitAsync(connection, next));
        if (_certificate is not null)
        {
            var channel = Handshake.ChannelOf(_certificate.RawData);
            listen.UseHttps(_certificate, https => https.HandshakeTimeout = _services.Limits.HandshakeMax);
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

    /// <summary>The certificate that Kestrel would serve HTTPS with, read from the same settings.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    private static X509Certificate2 Certificate(IConfiguration configuration)
    {
        var settings = configuration.GetSection("Kestrel:Certificates:Default");
        var (path, key, password) = (settings["Path"], settings["KeyPath"], settings["Password"]);
        if (path is null)
            throw new ArgumentException("--terminals tls:… needs a certificate: set Kestrel__Certificates__Default__Path, and …__KeyPath or …__Password.");
        if (key is null) return X509CertificateLoader.LoadPkcs12FromFile(path, password);
        using var pem = password is null ? X509Certificate2.CreateFromPemFile(path, key) : X509Certificate2.CreateFromEncryptedPemFile(path, password, key);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
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

    internal IPAddress[] Addresses() => Host switch
    {
        "*" => [IPAddress.IPv6Any],

        // A free port is free in one family; the other may have given it away.
        "localhost" when Port == 0 || !System.Net.Sockets.Socket.OSSupportsIPv6 => [IPAddress.Loopback],
        "localhost" => [IPAddress.Loopback, IPAddress.IPv6Loopback],
        _ => [IPAddress.Parse(Host.Trim('[', ']'))],
    };
}
