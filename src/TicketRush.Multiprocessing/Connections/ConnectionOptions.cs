namespace TicketRush.Multiprocessing;

/// <summary>How a connection is made and who may be at its other end.</summary>
public class ConnectionOptions
{
    /// <summary>
    /// The key that both ends must have; empty is a key too. Null, as it is unless set: no handshake, whoever can connect is let in.
    /// The key itself never travels, and what is sent afterwards is neither encrypted nor signed.
    /// </summary>
    public byte[]? AuthKey { get; init; }

    /// <summary>
    /// How long the handshake may take, for a client together with connecting; 5 s unless set. A peer that is silent or slow is dropped.
    /// </summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The digest that this end asks the other to prove itself with. The other asks for one of its own.</summary>
    public HandshakeDigest Digest { get; init; } = HandshakeDigest.Sha256;

    /// <summary>
    /// Lets in peers that know only HMAC-MD5, which is CPython up to 3.11. False unless set: MD5 is refused, whoever proposes it.
    /// </summary>
    public bool AllowLegacyMd5 { get; init; }

    /// <summary>
    /// Lets processes of other users be at the other end of an abstract name; names of that kind have no permissions. False unless set;
    /// the superuser always may. A name in the file system has permissions, which decide.
    /// </summary>
    public bool AllowOtherUsers { get; init; }

    /// <summary>What <see cref="Connection.MaxMessageSize"/> of the connections is.</summary>
    public int MaxMessageSize { get; init; } = Connection.DefaultMaxMessageSize;

    internal static ConnectionOptions Default { get; } = new();
}

/// <summary>How a listener listens and who may connect.</summary>
public sealed class ListenerOptions : ConnectionOptions
{
    /// <summary>
    /// How many clients may wait for <see cref="Listener.Accept"/> with their handshake done, and about as many again before it; 128
    /// unless set. The others wait in their connect.
    /// </summary>
    public int Backlog { get; init; } = 128;

    /// <summary>
    /// How many handshakes may go on at once; 256 unless set. One more client and the one that has been at it longest is dropped, so that
    /// those who connect and say nothing cannot keep out the others.
    /// </summary>
    public int MaxHandshakes { get; init; } = 256;

    /// <summary>The permissions of a name in the file system; only the own user may connect unless set.</summary>
    public UnixFileMode SocketMode { get; init; } = UnixFileMode.UserRead | UnixFileMode.UserWrite;
}

/// <summary>The digests that CPython 3.12 and later knows, less MD5.</summary>
public enum HandshakeDigest
{
    /// <summary>SHA-256; what CPython asks for.</summary>
    Sha256,

    /// <summary>SHA-384.</summary>
    Sha384,

    /// <summary>SHA3-256, where the system's OpenSSL has it.</summary>
    Sha3_256,

    /// <summary>SHA3-384, where the system's OpenSSL has it.</summary>
    Sha3_384,
}
