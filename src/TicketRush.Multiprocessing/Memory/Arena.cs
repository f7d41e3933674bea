using System.Runtime.InteropServices;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>
/// The shared memory of one tree of processes: a file without a name, which goes with the last process that has it, however that
/// ends. It is mapped at another address in each process, so everything inside is found by its offset.
/// <code>
///   0        4096     266240
///   | header | slots  | block | block | block … end of use
/// </code>
/// Its length is address space, not memory: pages become real when a block commits them.
/// </summary>
internal sealed unsafe class Arena
{
    private const ulong Magic = 0x31414E455241524D; // "MRARENA1"
    private const long SlotsAt = 4096, HeapAt = SlotsAt + Slots.Bytes;
    private const int ClassCount = 128;

    // A block this large gives its memory back when it is freed; a smaller one shares its pages with others.
    private const long DiscardMin = 64 * 1024;

    // A process that is stopped inside the heap must not keep others from ending.
    private static readonly TimeSpan LastWait = TimeSpan.FromSeconds(1);
    private static readonly long[] Lengths = [1L << 38, 1L << 34, 1L << 31];
    private static readonly Lock Making = new();
    private static Arena? _current;

    private readonly int _file;
    private readonly byte* _start;
    private readonly Header* _header;
    private readonly Dictionary<long, int> _handles = [];

    private Arena(int file, byte* start, long length, bool make)
    {
        _file = file;
        _start = start;
        _header = (Header*)start;
        Slots = new((Slot*)(start + SlotsAt), &_header->SlotsUsed);
        if (make)
        {
            TestRobustness(start + sizeof(Header));
            Slots.Initialize();
            (_header->Length, _header->End) = (length, HeapAt);
            Volatile.Write(ref _header->Magic, Magic);
        }
        else if (Volatile.Read(ref _header->Magic) != Magic)
        {
            throw new InvalidOperationException("The parent process shares memory of another version of TicketRush.Multiprocessing.");
        }

        Slots.Claim();
    }

    /// <summary>This process's arena: its parent's after <see cref="Attach"/>, else one that is made at the first use.</summary>
    /// <exception cref="PlatformNotSupportedException">Says what this system lacks.</exception>
    public static Arena Current
    {
        get
        {
            var current = Volatile.Read(ref _current);
            return current ?? Make();
        }
    }

    /// <summary>Whether this process has an arena yet.</summary>
    public static bool Exists => Volatile.Read(ref _current) != null;

    /// <summary>Where a child opens this arena while this process lives. It means nothing to other users.</summary>
    public string Path => $"/proc/{Environment.ProcessId}/fd/{_file}";

    public Slots Slots { get; }

    /// <summary>This process as the words of locks have it.</summary>
    public Owner Self => Slots.Self;

    /// <summary>
    /// In a child, before anything else here is used: shares the parent's arena. Once it has what it was given, it owes the others
    /// <see cref="SweepAll"/>; not before, for what a parent that has died since was to hand over is held by nobody else.
    /// </summary>
    /// <param name="path">The parent's <see cref="Path"/>.</param>
    /// <exception cref="IOException">The parent is gone, or belongs to another user.</exception>
    /// <exception cref="InvalidOperationException">This process has an arena already, or too many processes share that one.</exception>
    public static Arena Attach(string path)
    {
        lock (Making)
        {
            if (_current != null)
                throw new InvalidOperationException("This process shares memory already; a child attaches before it uses any.");
            Libc.Require();
            var file = Libc.Open(path);
            try
            {
                var length = Libc.Length(file);
                var start = length < HeapAt ? null : Libc.TryMap(file, length);
                if (start == null) throw new InvalidOperationException($"The shared memory {path} of {length} bytes cannot be mapped.");
                _current = new(file, start, length, make: false);
                return _current;
            }
            catch
            {
                Libc.Close(file);
                throw;
            }
        }
    }

    /// <summary>See <see cref="Slots.IsAlive"/>.</summary>
    public bool IsAlive(Owner owner) => Slots.IsAlive(owner);

    /// <summary>
    /// Clears up at once after a process that is known to have ended: wakes whoever waits for what it held and drops its references.
    /// Without it the same happens when somebody who waits next looks, within one slice of sleep.
    /// </summary>
    /// <returns>False when the process is not gone as a whole, or another clears up after it at this moment.</returns>
    public bool Sweep(Owner owner) => Slots.Sweep(owner, Clear);

    /// <summary>Clears up after every process that ended.</summary>
    public void SweepAll()
    {
        foreach (var owner in Slots.All())
            if (!IsAlive(owner)) Sweep(owner);
    }

    /// <summary>The contents of a block that this process holds.</summary>
    public byte* At(long block) => _start + block + Block.Size;

    public uint Generation(long block) => BlockAt(block)->Generation;

    /// <summary>Takes a block for this process, which holds it until <see cref="Release"/>.</summary>
    /// <param name="kind">What it is for.</param>
    /// <param name="reserve">How large its contents may become, in bytes.</param>
    /// <param name="commit">How many of these are memory, and zero, from the start; for the rest see
    /// <see cref="Commit(long, long, long)"/>.</param>
    /// <exception cref="OutOfMemoryException">There is no room for it.</exception>
    public long Allocate(BlockKind kind, long reserve, long commit)
    {
        var at = Take(kind, reserve, parent: 0);
        lock (_handles) _handles.Add(at, 1);
        try
        {
            Commit(at, 0, commit);
            new Span<byte>(At(at), checked((int)Math.Min(commit, int.MaxValue))).Clear();
            for (var cleared = (long)int.MaxValue; cleared < commit; cleared += int.MaxValue)
                new Span<byte>(At(at) + cleared, (int)Math.Min(commit - cleared, int.MaxValue)).Clear();
        }
        catch
        {
            Release(at);
            throw;
        }

        return at;
    }

    /// <summary>Says that a new block's contents are what they should be: until then nobody clears up in them.</summary>
    public void Publish(long block) => Volatile.Write(ref BlockAt(block)->IsReady, 1);

    /// <summary>Makes a part of a block's contents memory. What it holds is not defined.</summary>
    /// <exception cref="OutOfMemoryException">The system has none left.</exception>
    public void Commit(long block, long from, long bytes) => Libc.Commit(_file, block + Block.Size + from, Math.Max(bytes, 1));

    /// <summary>The same, for who knows the contents.</summary>
    public void Commit(byte* contents, long from, long bytes) => Commit(BlockOf(contents), from, bytes);

    /// <summary>
    /// Takes memory that belongs to a block, whoever of its holders lives. Until the caller has stored where it is, in the block, its death
    /// leaves a part that nothing refers to; <see cref="FreeParts(byte*, Predicate{long})"/> finds it.
    /// </summary>
    public long AllocatePart(byte* contents, long bytes)
    {
        var part = Take(BlockKind.Part, bytes, BlockOf(contents));
        try
        {
            Commit(part, 0, bytes);
        }
        catch
        {
            FreePart(part);
            throw;
        }

        return part;
    }

    /// <summary>How many bytes a part may have.</summary>
    public long PartBytes(long part) => BlockAt(part)->Length - Block.Size;

    public void FreePart(long part)
    {
        EnterHeap();
        Free(part);
        LeaveHeap();
    }

    /// <summary>Frees the parts of a block that are not wanted.</summary>
    public void FreeParts(byte* contents, Predicate<long> wanted)
    {
        EnterHeap();
        FreeParts(BlockOf(contents), wanted);
        LeaveHeap();
    }

    /// <summary>Holds a block that another process named, until <see cref="Release"/>.</summary>
    /// <exception cref="ObjectDisposedException">No process held it any more, so it is gone.</exception>
    public void Hold(long at, BlockKind kind, uint generation)
    {
        lock (_handles)
        {
            ref var handles = ref CollectionsMarshal.GetValueRefOrAddDefault(_handles, at, out var known);
            if (!known)
            {
                EnterHeap();
                var found = at >= HeapAt && at % 64 == 0 && at < _header->End
                    && BlockAt(at)->Kind == (int)kind && BlockAt(at)->Generation == generation && BlockAt(at)->IsHeld;
                if (found) BlockAt(at)->AddHolder(Self.Slot);
                LeaveHeap();
                if (!found)
                {
                    _handles.Remove(at);
                    throw Gone(kind);
                }
            }
            else if (BlockAt(at)->Kind != (int)kind || BlockAt(at)->Generation != generation)
            {
                throw Gone(kind);
            }

            handles++;
        }
    }

    /// <summary>Undoes one <see cref="Allocate"/> or <see cref="Hold"/>; the last one of the last process frees the block.</summary>
    public void Release(long at)
    {
        lock (_handles)
        {
            ref var handles = ref CollectionsMarshal.GetValueRefOrNullRef(_handles, at);
            if (--handles > 0) return;
            _handles.Remove(at);
            EnterHeap();
            Drop(at, Self.Slot);
            LeaveHeap();
        }
    }

    /// <summary>
    /// At the end of this process, when nobody may be left to clear up after it: removes the names of what only it holds. The memory stays,
    /// for threads that still use it. Does without when another process is in the way.
    /// </summary>
    public void RemoveNames()
    {
        SweepAll();
        if (!Monitor.TryEnter(_handles, LastWait)) return;
        try
        {
            if (!TryEnterHeap(Deadline.After(LastWait))) return;
            foreach (var at in _handles.Keys)
            {
                var block = BlockAt(at);
                if (block->IsReady != 0 && block->IsHeldOnlyBy(Self.Slot)) Clearing.Free((BlockKind)block->Kind, At(at));
            }

            LeaveHeap();
        }
        finally
        {
            Monitor.Exit(_handles);
        }
    }

    /// <summary>How many blocks some process holds.</summary>
    public int CountHeld()
    {
        var held = 0;
        for (var at = HeapAt; at < Volatile.Read(ref _header->End); at += BlockAt(at)->Length)
            if (BlockAt(at)->Kind != (int)BlockKind.Free) held++;
        return held;
    }

    private static Arena Make()
    {
        lock (Making)
        {
            if (_current != null) return _current;
            Libc.Require();
            var file = Libc.MakeMemoryFile("ticketrush-multiprocessing");
            try
            {
                // Less where the process may not have that much address space (ulimit -v).
                foreach (var length in Lengths)
                {
                    Libc.SetLength(file, length);
                    Libc.Commit(file, 0, HeapAt);
                    var start = Libc.TryMap(file, length);
                    if (start == null) continue;
                    Volatile.Write(ref _current, new(file, start, length, make: true));
                    return _current;
                }

                throw new OutOfMemoryException($"There are not {Lengths[^1]} bytes of address space for shared memory.");
            }
            catch
            {
                Libc.Close(file);
                throw;
            }
        }
    }

    // Everything here rests on the kernel and the C library telling that a mutex's holder ended. Old systems said that they would
    // and did not, so it is tried once, with a thread, for which the kernel does the same as for a process.
    private static void TestRobustness(byte* mutex)
    {
        Libc.MakeRobustMutex(mutex);
        var holder = new Thread(() => Libc.MutexTryLock(mutex), 128 * 1024);
        holder.Start();
        holder.Join();
        var deadline = Deadline.After(TimeSpan.FromSeconds(5));
        int result;
        while ((result = Libc.MutexTryLock(mutex)) == Libc.Busy && !deadline.HasPassed) Thread.Yield();
        if (result != Libc.OwnerDead)
        {
            throw new PlatformNotSupportedException(
                $"TicketRush.Multiprocessing does not run here: a robust mutex whose holder has ended "
                + $"answers {result}, not {Libc.OwnerDead}.");
        }

        Libc.MutexConsistent(mutex);
        Libc.MutexUnlock(mutex);
    }

    private long Take(BlockKind kind, long reserve, long parent)
    {
        var sizeClass = ClassOf(reserve + Block.Size);
        EnterHeap();
        try
        {
            ref var head = ref Heads[sizeClass];
            var at = head;
            if (at == 0)
            {
                at = _header->End;
                var length = LengthOf(sizeClass);
                if (length > _header->Length - at)
                {
                    throw new OutOfMemoryException(
                        $"There is no room for {reserve} more bytes in the {_header->Length} that processes share.");
                }

                Libc.Commit(_file, at, Block.Size);
                var made = BlockAt(at);
                (made->Length, made->SizeClass, made->Kind) = (length, sizeClass, (int)BlockKind.Free);
                Volatile.Write(ref _header->End, at + length);
            }
            else
            {
                head = BlockAt(at)->NextFree;
            }

            // Taken off the list and not yet in use: whoever finds this lock abandoned builds the lists anew from what is free.
            var block = BlockAt(at);
            for (var i = 0; i < Owner.SlotCount / 64; i++) block->Holders[i] = 0;
            if (parent == 0) block->AddHolder(Self.Slot);
            block->Parent = parent;
            block->Generation = ++_header->Generation;
            block->IsReady = 0;
            Volatile.Write(ref block->Kind, (int)kind);
            return at;
        }
        finally
        {
            LeaveHeap();
        }
    }

    private bool Clear(Owner owner)
    {
        for (var at = HeapAt; at < Volatile.Read(ref _header->End); at += BlockAt(at)->Length)
        {
            var block = BlockAt(at);
            if (Volatile.Read(ref block->Kind) == (int)BlockKind.Free || !block->IsHeldBy(owner.Slot)) continue;

            // The dead one's hold keeps the block, and nobody else may clear up after it: it stays what it is until the drop.
            var ready = Volatile.Read(ref block->IsReady) != 0;
            if (ready && !Clearing.Clear(this, (BlockKind)block->Kind, At(at), owner)) return false;
            EnterHeap();
            Drop(at, owner.Slot);
            LeaveHeap();
        }

        return true;
    }

    private void EnterHeap() => TryEnterHeap(Deadline.Never);

    private bool TryEnterHeap(Deadline deadline)
    {
        var result = OwnerWord.Take(this, &_header->Gate, Self.Word, deadline);
        if (result == LockResult.Abandoned) RebuildFreeLists();
        return result != LockResult.TimedOut;
    }

    private void LeaveHeap() => OwnerWord.Release(&_header->Gate);

    // In the heap's lock. Frees a block that nobody holds any more.
    private void Drop(long at, int slot)
    {
        var block = BlockAt(at);
        block->RemoveHolder(slot);
        if (!block->IsHeld) Free(at);
    }

    private void Free(long at)
    {
        var block = BlockAt(at);
        var kind = (BlockKind)block->Kind;
        if (block->IsReady != 0) Clearing.Free(kind, At(at));
        block->IsReady = 0;
        Volatile.Write(ref block->Kind, (int)BlockKind.Free);
        if (kind == BlockKind.JoinableQueue) FreeParts(at, _ => false);
        if (block->Length >= DiscardMin)
        {
            // Not the first page, which has the head, and not one that reaches into the next block.
            const long Page = 64 * 1024;
            var from = (at + Block.Size + Page - 1) / Page * Page;
            var to = (at + block->Length) / Page * Page;
            if (to > from) Libc.Discard(_file, from, to - from);
        }

        block->NextFree = Heads[block->SizeClass];
        Heads[block->SizeClass] = at;
    }

    // Which blocks are free stands in the blocks; the lists only find them faster.
    private void RebuildFreeLists()
    {
        new Span<long>(Heads, ClassCount).Clear();
        for (var at = HeapAt; at < _header->End; at += BlockAt(at)->Length)
        {
            var block = BlockAt(at);
            if (block->Kind == (int)BlockKind.Part || (block->Kind != (int)BlockKind.Free && block->IsHeld)) continue;
            Free(at);
        }

        // Whoever died while freeing a block may have left parts of it.
        for (var at = HeapAt; at < _header->End; at += BlockAt(at)->Length)
            if (BlockAt(at)->Kind == (int)BlockKind.Part && BlockAt(BlockAt(at)->Parent)->Kind != (int)BlockKind.JoinableQueue) Free(at);
    }

    private void FreeParts(long parent, Predicate<long> wanted)
    {
        for (var at = HeapAt; at < _header->End; at += BlockAt(at)->Length)
            if (BlockAt(at)->Kind == (int)BlockKind.Part && BlockAt(at)->Parent == parent && !wanted(at)) Free(at);
    }

    private static ObjectDisposedException Gone(BlockKind kind)
    {
        var name = kind switch
        {
            BlockKind.Value => "SharedValue or SharedArray",
            BlockKind.RecursiveLock => nameof(SharedRLock),
            BlockKind.NamedMemory => nameof(SharedMemory),
            _ => "Shared" + kind,
        };
        return new(name, $"The {name} is gone: every process that held it had disposed of it or ended before this one had received it.");
    }

    private long BlockOf(byte* contents) => contents - _start - Block.Size;

    private Block* BlockAt(long at) => (Block*)(_start + at);

    private long* Heads => _header->FreeHeads;

    // Four classes for each doubling: 256, 320, 384, 448, 512, 640 …
    private static long LengthOf(int sizeClass) => (4L + (sizeClass % 4)) << ((sizeClass / 4) + 6);

    private static int ClassOf(long bytes)
    {
        for (var i = 0; i < ClassCount; i++)
            if (LengthOf(i) >= bytes) return i;
        throw new OutOfMemoryException($"{bytes} bytes are more than one shared object may have.");
    }

    [StructLayout(LayoutKind.Explicit, Size = 2048)]
    private struct Header
    {
        [FieldOffset(0)] public ulong Magic;
        [FieldOffset(8)] public long Length;
        [FieldOffset(16)] public int SlotsUsed;
        [FieldOffset(20)] public uint Generation;
        [FieldOffset(24)] public uint Gate;
        [FieldOffset(32)] public long End;
        [FieldOffset(64)] public fixed long FreeHeads[ClassCount];
    }
}
