using System.Net.Security;
using System.Text;

namespace TicketRush.Client;

/// <summary>Where the terminals port is, and who asks. Written out, it does not show the key.</summary>
/// <param name="Host">A name or an address.</param>
/// <param name="Port">1 to 65,535.</param>
/// <param name="Key">The whole key, rush_…; it never crosses the wire: both ends prove that they have it.</param>
public sealed record TerminalOptions(string Host, int Port, string Key)
{
    /// <summary>The most that <see cref="PipelineMax"/> may be.</summary>
    public const int PipelineMost = 65_536;

    /// <summary>The key's id; read from the key where it has one. A key that was given to the server from outside is
    /// <c>office</c>.</summary>
    public string KeyId { get; init; } = Key?.Split('_') is ["rush", _, { Length: 8 } id, _] ? id : "office";

    /// <summary>Over TLS. The server's certificate must be trusted, for <see cref="TlsName"/>.</summary>
    public bool Tls { get; init; }

    /// <summary>The name in the certificate; the host without.</summary>
    public string? TlsName { get; init; }

    /// <summary>Replaces the check of the certificate. The proof of the key is bound to the certificate all the same.</summary>
    public RemoteCertificateValidationCallback? TlsValidation { get; init; }

    /// <summary>How long to go on asking.</summary>
    public RushRetry Retry { get; init; } = new();

    /// <summary>Commands that may be on their way at once, 1 to <see cref="PipelineMost"/>; who asks for more waits for its turn.</summary>
    public int PipelineMax { get; init; } = 1_024;

    /// <summary>How long connecting and proving the key may take, each time: 10 ms to an hour.</summary>
    public TimeSpan ConnectMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <exception cref="ArgumentException">Something is missing or out of bounds.</exception>
    internal void Check()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Host);
        ArgumentException.ThrowIfNullOrEmpty(Key);
        ArgumentException.ThrowIfNullOrEmpty(KeyId);
        ArgumentNullException.ThrowIfNull(Retry);
        if (Port is < 1 or > 65_535) throw new ArgumentException($"A port is 1 to 65,535, not {Port}.");
        if (PipelineMax is < 1 or > PipelineMost)
            throw new ArgumentException($"{nameof(PipelineMax)} is 1 to {PipelineMost}, not {PipelineMax}.");
        RushRetry.Check(nameof(ConnectMax), ConnectMax, TimeSpan.FromMilliseconds(10), TimeSpan.FromHours(1));
        Retry.Check();
    }

    // Options are logged, and a key in a log is everybody's.
    private bool PrintMembers(StringBuilder text)
    {
        text.Append($"{nameof(Host)} = {Host}, {nameof(Port)} = {Port}, {nameof(KeyId)} = {KeyId}, {nameof(Tls)} = {Tls}, ");
        text.Append($"{nameof(TlsName)} = {TlsName}, {nameof(Retry)} = {Retry}, {nameof(PipelineMax)} = {PipelineMax}, ");
        text.Append($"{nameof(ConnectMax)} = {ConnectMax}");
        return true;
    }
}
