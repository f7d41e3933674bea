using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TicketRush.Journal;

/// <summary>A SHA-256 value of the chain: over one batch, and through the hash before it over every batch until then.</summary>
[InlineArray(4)]
public struct ChainHash : IEquatable<ChainHash>
{
    public const int Size = 32;

    private ulong _first;

    public static ChainHash Read(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<ChainHash>(bytes);

    public readonly void Write(Span<byte> bytes) => MemoryMarshal.Write(bytes, this);

    public readonly bool Equals(ChainHash other) =>
        MemoryMarshal.AsBytes((ReadOnlySpan<ulong>)this).SequenceEqual(MemoryMarshal.AsBytes((ReadOnlySpan<ulong>)other));

    public override readonly bool Equals(object? obj) => obj is ChainHash other && Equals(other);

    public override readonly int GetHashCode() => (int)this[0];

    public static bool operator ==(ChainHash left, ChainHash right) => left.Equals(right);

    public static bool operator !=(ChainHash left, ChainHash right) => !left.Equals(right);

    /// <returns>64 hexadecimal digits, in the order of the bytes.</returns>
    public override readonly string ToString() => Convert.ToHexStringLower(MemoryMarshal.AsBytes((ReadOnlySpan<ulong>)this));
}
