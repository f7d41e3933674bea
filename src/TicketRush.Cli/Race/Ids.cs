using System.Security.Cryptography;

namespace TicketRush.Cli.Race;

/// <summary>
/// Ids that nobody can guess, as a client makes them; drawn some hundred at a time, for each draw is a call of the system.
/// </summary>
internal static class Ids
{
    private const int Size = 16, Drawn = 256;

    [ThreadStatic] private static byte[]? _bytes;
    [ThreadStatic] private static int _used;

    /// <summary>Sixteen random bytes; good until this thread asks for the next.</summary>
    public static ReadOnlySpan<byte> Next()
    {
        _bytes ??= new byte[Drawn * Size];
        if (_used % _bytes.Length == 0)
        {
            RandomNumberGenerator.Fill(_bytes);
            _used = 0;
        }

        _used += Size;
        return _bytes.AsSpan(_used - Size, Size);
    }
}
