using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TicketRush.Journal.Files;

/// <summary>
/// What the writers of one journal share, mapped into each of them: the lock bytes, the durable end, and what sale time is.
/// docs/JOURNAL.md has its bytes.
/// <para>
/// It is never flushed. After a power cut it may be as old as it likes, for the durable end is only ever a lower bound and
/// everything else is set anew by whoever opens the journal first.
/// </para>
/// </summary>
internal sealed unsafe class TurnFile : IDisposable
{
    public const int Size = 4096;
    private const int Used = 336;
    private const ulong Magic = 0x4E52555448535552; // "RUSHTURN"

    private static readonly byte[] Zeros = new byte[Size - Used];

    private readonly Platform _platform;
    private readonly TurnHandle _handle;
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private Shared* _shared;

    /// <summary>Opens or makes the turn file of a journal.</summary>
    /// <exception cref="JournalRefusedException">It belongs to another journal.</exception>
    public TurnFile(string path, UInt128 journal, Platform platform)
    {
        _platform = platform;
        _handle = new(path);
        try
        {
            // Bytes that nobody uses are written, so that the page has its place on the disk: on a full one that is an exception
            // here. A hole would be a bus error at the first access, and the end of the process.
            if (RandomAccess.GetLength(_handle.File) < Size) RandomAccess.Write(_handle.File, Zeros, Used);
            _map = MemoryMappedFile.CreateFromFile(
                _handle.File, null, Size, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: true);
            _view = _map.CreateViewAccessor(0, Size);
            byte* start = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            _shared = (Shared*)start;

            // Not waiting in the kernel: if the first dies before it is done, the next must know that it is the first.
            while (!(IsFirst = platform.TryLock(_handle, TurnByte.Attached, shared: false))
                && !platform.TryLock(_handle, TurnByte.Attached, shared: true))
                Thread.Sleep(1);

            if (IsFirst && _shared->Magic == 0) (_shared->Magic, _shared->Journal) = (Magic, journal);
            if (_shared->Magic != Magic || _shared->Journal != journal)
            {
                throw new JournalRefusedException(
                    $"{path} belongs to another journal: the file {System.IO.Path.ChangeExtension(
                        path, FileJournal.Extension)} was replaced. "
                    + "Put the right file back; or, if this one is right, delete the .turn file while nothing has it open.");
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Path => _handle.Path;

    /// <summary>
    /// Nobody else had the journal open: what must be set up or checked once is this one's to do, until <see cref="Attach"/>.
    /// </summary>
    public bool IsFirst { get; }

    /// <summary>
    /// Not zero while a batch is being written, and until somebody has looked at what a writer that died left behind.
    /// </summary>
    public long Writing
    {
        get => Volatile.Read(ref _shared->Writing);
        set => Volatile.Write(ref _shared->Writing, value);
    }

    /// <summary>Sale time less the machine's monotonic time, in milliseconds.</summary>
    public long ClockOffsetMs
    {
        get => Volatile.Read(ref _shared->ClockOffsetMs);
        set => Volatile.Write(ref _shared->ClockOffsetMs, value);
    }

    /// <summary>Grows with every published end; two loads, so that a thousand quiet sales can be asked fifty times a second.</summary>
    public long Published => Volatile.Read(ref _shared->First.Counter) + Volatile.Read(ref _shared->Second.Counter);

    /// <summary>Lets the others in, who wait to see that the first is done.</summary>
    public void Attach()
    {
        // From exclusive to shared in one step: nobody can come between and take himself for the first.
        if (IsFirst) _platform.Lock(_handle, TurnByte.Attached, shared: true);
    }

    public void TakeTurn() => _platform.Lock(_handle, TurnByte.Turn, shared: false);

    public bool TryTakeTurn() => _platform.TryLock(_handle, TurnByte.Turn, shared: false);

    public void ReleaseTurn() => _platform.Unlock(_handle, TurnByte.Turn);

    /// <summary>The durable end; its sequence is 0 when nobody has published one.</summary>
    public Tail ReadEnd()
    {
        for (var tries = 0; tries < 100; tries++)
        {
            ref var a = ref _shared->First;
            ref var b = ref _shared->Second;
            var (fromA, fromB) = (Volatile.Read(ref a.Counter), Volatile.Read(ref b.Counter));
            var slot = fromA > fromB ? a : b;
            if (slot.IsWhole) return slot.Tail;

            // The writer was at work in it: the other slot is whole, and no older than one batch.
            slot = fromA > fromB ? b : a;
            if (slot.IsWhole) return slot.Tail;
        }

        return default;
    }

    /// <summary>In a turn: says that everything up to there is on stable storage.</summary>
    public void PublishEnd(in Tail tail)
    {
        ref var a = ref _shared->First;
        ref var b = ref _shared->Second;

        // Into the older slot, or one that is not whole; a reader that meets it half-written takes the other.
        var (wholeA, wholeB) = (a.IsWhole, b.IsWhole);
        ref var older = ref !wholeA ? ref a : ref !wholeB ? ref b : ref a.Counter < b.Counter ? ref a : ref b;
        var slot = new Slot { Counter = Math.Max(wholeA ? a.Counter : 0, wholeB ? b.Counter : 0) + 1, Tail = tail };
        slot.Check = slot.Expected;
        Volatile.Write(ref older.Check, ~slot.Check);
        older = slot;
        Volatile.Write(ref older.Check, slot.Check);
    }

    public void Dispose()
    {
        // Whoever still asks gets an exception from a null pointer, not what lies where the map was.
        if (_shared != null) _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _shared = null;
        _view?.Dispose();
        _map?.Dispose();
        _handle.Dispose();
    }

    [StructLayout(LayoutKind.Explicit, Size = Size)]
    private struct Shared
    {
        [FieldOffset(0)] public ulong Magic;
        [FieldOffset(16)] public UInt128 Journal;
        [FieldOffset(64)] public Slot First;
        [FieldOffset(192)] public Slot Second;
        [FieldOffset(320)] public long Writing;
        [FieldOffset(328)] public long ClockOffsetMs;
    }

    [StructLayout(LayoutKind.Explicit, Size = 72)]
    private struct Slot
    {
        [FieldOffset(0)] public long Counter;
        [FieldOffset(8)] public long Offset;
        [FieldOffset(16)] public long Sequence;
        [FieldOffset(24)] public long TimeMs;
        [FieldOffset(32)] public ChainHash Hash;
        [FieldOffset(64)] public uint Check;

        public Tail Tail
        {
            readonly get => new(Sequence, TimeMs, Hash, Offset);
            set => (Sequence, TimeMs, Hash, Offset) = (value.Sequence, value.TimeMs, value.Hash, value.Offset);
        }

        public readonly uint Expected =>
            BatchHeader.Crc32C(MemoryMarshal.AsBytes(new ReadOnlySpan<Slot>(in Unsafe.AsRef(in this)))[..64]);

        public readonly bool IsWhole => Counter != 0 && Check == Expected;
    }
}
