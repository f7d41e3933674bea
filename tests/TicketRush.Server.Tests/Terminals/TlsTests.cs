using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Terminals;

/// <summary>TLS as authorities give it: a certificate under an intermediate one, whose root alone is what clients trust.</summary>
public sealed class TlsTests : IDisposable
{
    private const string Password = "p";

    private readonly string _directory = Directory.CreateTempSubdirectory("rush-tls-").FullName;
    private readonly X509Certificate2 _root, _intermediate, _leaf;

    public TlsTests()
    {
        _root = Issue("CN=Root", null, isAuthority: true);
        _intermediate = Issue("CN=Intermediate", _root, isAuthority: true);
        _leaf = Issue("CN=terminals", _intermediate, isAuthority: false);
    }

    public void Dispose()
    {
        foreach (var certificate in new[] { _root, _intermediate, _leaf }) certificate.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_trusts_the_root_alone_is_shown_the_chain_to_it(bool pem)
    {
        await using var server = await StartAsync(pem);
        await using var terminal = await Terminal.ConnectAsync(server, wrap: stream => TlsAsync(stream, _root));
        Assert.Equal("PONG", await terminal.AskAsync("PING"));

        // The control: who trusts another root is not persuaded.
        using var other = Issue("CN=Root", null, isAuthority: true);
        await Assert.ThrowsAsync<System.Security.Authentication.AuthenticationException>(
            () => Terminal.ConnectAsync(server, wrap: stream => TlsAsync(stream, other)));
    }

    [Fact]
    [Trait("Foreign", "true")]
    public async Task Redis_cli_is_shown_it_too()
    {
        await using var server = await StartAsync(pem: true);
        var root = Path.Combine(_directory, "root.pem");
        await File.WriteAllTextAsync(root, _root.ExportCertificatePem());
        string[] arguments =
        [
            "-h", "127.0.0.1", "-p", server.TerminalPort.ToString(CultureInfo.InvariantCulture), "--tls", "--cacert", root,
            "--user", "office", "-a", RunningServer.Key, "--no-auth-warning", "PING",
        ];
        Assert.Equal((0, "PONG\n"), await ForeignTests.RunAsync("redis-cli", "", arguments));
    }

    private static async Task<Stream> TlsAsync(Stream inner, X509Certificate2 root)
    {
        var tls = new SslStream(inner, leaveInnerStreamOpen: false);
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.Add(root);
        var options = new SslClientAuthenticationOptions { TargetHost = "terminals", CertificateChainPolicy = policy };
        await tls.AuthenticateAsClientAsync(options);
        return tls;
    }

    private Task<RunningServer> StartAsync(bool pem)
    {
        var (path, key) = (Path.Combine(_directory, pem ? "tls.pem" : "tls.pfx"), Path.Combine(_directory, "tls.key"));
        if (pem)
        {
            File.WriteAllText(path, $"{_leaf.ExportCertificatePem()}\n{_intermediate.ExportCertificatePem()}\n");
            File.WriteAllText(key, _leaf.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        }
        else
        {
            using var intermediate = X509CertificateLoader.LoadCertificate(_intermediate.RawData);
            File.WriteAllBytes(path, new X509Certificate2Collection { intermediate, _leaf }.Export(X509ContentType.Pkcs12, Password)!);
        }

        return RunningServer.StartAsync(terminals: new(), endpoint: "tls:127.0.0.1:0", configure: builder =>
        {
            builder.Configuration["Kestrel:Certificates:Default:Path"] = path;
            builder.Configuration[$"Kestrel:Certificates:Default:{(pem ? "KeyPath" : "Password")}"] = pem ? key : Password;
        });
    }

    private static X509Certificate2 Issue(string name, X509Certificate2? issuer, bool isAuthority)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("terminals");
        if (!isAuthority) request.CertificateExtensions.Add(names.Build());
        var now = DateTimeOffset.UtcNow;
        if (issuer is null) return request.CreateSelfSigned(now.AddDays(-2), now.AddDays(2));
        using var issued = request.Create(issuer, now.AddDays(-1), now.AddDays(1), RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }
}
