using Microsoft.Win32.SafeHandles;

namespace TicketRush.Journal.Files;

/// <summary>What stands at a place of a journal file where a batch may begin.</summary>
internal enum Found
{
    /// <summary>A batch that is whole, and that continues the one before.</summary>
    Batch,

    /// <summary>Nothing: the file ends here, or has only zeros here.</summary>
    Nothing,

    /// <summary>A batch whose writing was never finished: a sector of it was never written.</summary>
    Torn,

    /// <summary>Neither of these: bytes that were written are not what they were.</summary>
    Damaged,

    /// <summary>A whole batch in a format that this program does not know.</summary>
    Newer,
}

/// <summary>
/// Reads a journal file and judges what it finds, by nothing but its bytes. Whether a torn batch may be cut off is not
/// judged here: that depends on the durable end (docs/JOURNAL.md, "Torn or damaged").
/// </summary>
internal sealed class FileScan(SafeFileHandle file)
{
    private byte[] _window = new byte[1 << 20];
    private long _windowStart;
    private int _windowLength;

    /// <summary>Forgets what was read: the file has grown or was written.</summary>
    public void Refresh() => _windowLength = 0;

    /// <param name="tail">Where to look, and what must come next there.</param>
    /// <param name="batch">The bytes of the whole batch, when one was found.</param>
    /// <param name="what">What is wrong, when it is damaged.</param>
    public Found Next(in Tail tail, long limit, out BatchHeader header, out ReadOnlySpan<byte> batch, out string what)
    {
        (header, what) = (default, "");
        batch = default;
        var sector = Bytes(tail.Offset, BatchHeader.SectorSize, limit);
        if (IsZero(sector)) return Found.Nothing;

        if (!BatchHeader.TryRead(sector, out header))
        {
            // A file that was cut inside the sector never had all of it.
            if (sector.Length < BatchHeader.SectorSize) return Found.Torn;
            what = "no batch begins here";
            return Found.Damaged;
        }

        batch = Bytes(tail.Offset, header.Length, limit);
        if (batch.Length < header.Length) return Found.Torn;
        if (!header.Verifies(batch))
        {
            if (HasZeroSector(batch)) return Found.Torn;
            what = "its bytes do not have its hash";
            return Found.Damaged;
        }

        if (header.Format != BatchHeader.CurrentFormat) return Found.Newer;
        if (header.Previous != tail.Hash) what = "it does not continue the batch before it";
        else if (header.FirstSequence != tail.Sequence + 1) what = $"it begins with sequence {header.FirstSequence}";
        else if (header.TimeMs < tail.TimeMs) what = "its time is before that of the batch before it";
        else if (header.Count < 1 || header.EntriesLength < 1 || header.EntriesLength > header.Length - BatchHeader.Size)
            what = "its counts are wrong";
        return what.Length == 0 ? Found.Batch : Found.Damaged;
    }

    /// <summary>Whether a whole batch stands anywhere from there on.</summary>
    public bool HasBatchAfter(long offset, long limit)
    {
        for (offset += BatchHeader.SectorSize; offset < limit; offset += BatchHeader.SectorSize)
        {
            if (!BatchHeader.TryRead(Bytes(offset, BatchHeader.SectorSize, limit), out var header)) continue;
            var batch = Bytes(offset, header.Length, limit);
            if (batch.Length == header.Length && header.Verifies(batch)) return true;
        }

        return false;
    }

    /// <summary>Whether only zeros stand from there to the limit.</summary>
    public bool IsZeroFrom(long offset, long limit)
    {
        for (; offset < limit; offset += BatchHeader.SectorSize)
        {
            if (!IsZero(Bytes(offset, BatchHeader.SectorSize, limit))) return false;
        }

        return true;
    }

    /// <returns>Fewer bytes than asked for when the file or the limit ends before.</returns>
    public ReadOnlySpan<byte> Bytes(long offset, int count, long limit)
    {
        count = (int)Math.Clamp(limit - offset, 0, count);
        if (offset < _windowStart || offset + count > _windowStart + _windowLength) Fill(offset, count, limit);
        return _window.AsSpan((int)(offset - _windowStart), (int)Math.Clamp(_windowStart + _windowLength - offset, 0, count));
    }

    private void Fill(long offset, int count, long limit)
    {
        if (count > _window.Length) _window = new byte[BatchHeader.LengthMax];
        (_windowStart, _windowLength) = (offset, 0);
        var wanted = (int)Math.Min(_window.Length, limit - offset);
        while (_windowLength < wanted)
        {
            var read = RandomAccess.Read(file, _window.AsSpan(_windowLength..wanted), offset + _windowLength);
            if (read == 0) return;
            _windowLength += read;
        }
    }

    private static bool HasZeroSector(ReadOnlySpan<byte> batch)
    {
        for (; batch.Length >= BatchHeader.SectorSize; batch = batch[BatchHeader.SectorSize..])
        {
            if (IsZero(batch[..BatchHeader.SectorSize])) return true;
        }

        return false;
    }

    private static bool IsZero(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept((byte)0);
}
