using System.Numerics;

namespace TicketRush.Journal;

/// <summary>
/// The chain hash and time of every batch, by sequence: what a receipt says, also when it is asked for again. Grows in
/// pieces that never move.
/// </summary>
internal sealed class Receipts
{
    private const int ChunkBits = 10;

    private readonly record struct Row(long FirstSequence, long TimeMs, ChainHash Hash);

    private Row[][] _chunks = [];
    private int _count;

    public void Add(long firstSequence, long timeMs, in ChainHash hash)
    {
        var chunk = _count >> ChunkBits;
        if (chunk == _chunks.Length) Array.Resize(ref _chunks, (int)BitOperations.RoundUpToPowerOf2((uint)chunk + 1));
        (_chunks[chunk] ??= new Row[1 << ChunkBits])[_count & ((1 << ChunkBits) - 1)] = new(firstSequence, timeMs, hash);
        _count++;
    }

    /// <summary>The batch that the sequence is in.</summary>
    public (long TimeMs, ChainHash Hash) Of(long sequence)
    {
        var (from, to) = (0, _count - 1);
        if (At(to).FirstSequence <= sequence) from = to;
        while (from < to)
        {
            var middle = (from + to + 1) / 2;
            if (At(middle).FirstSequence <= sequence) from = middle;
            else to = middle - 1;
        }

        return (At(from).TimeMs, At(from).Hash);
    }

    private ref readonly Row At(int index) => ref _chunks[index >> ChunkBits][index & ((1 << ChunkBits) - 1)];
}
