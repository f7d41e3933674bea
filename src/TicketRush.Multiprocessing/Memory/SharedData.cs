using System.Runtime.InteropServices;

namespace TicketRush.Multiprocessing;

/// <summary>Typed memory that processes share, and the lock that goes with it.</summary>
public abstract unsafe class SharedData : SharedObject
{
    private const int DataAt = 64;

    private readonly SharedRLock? _lock;
    private readonly bool _ownsLock;

    private protected SharedData(long count, int size, bool withLock, SharedRLock? given)
        : base(BlockKind.Value, DataAt + (count * size), DataAt + (count * size))
    {
        _ownsLock = withLock && given == null;
        _lock = withLock ? given ?? new() : null;
        var state = (Contained*)Contents;
        (state->Count, state->ItemBytes) = (count, size);
        if (_lock != null) (state->LockAt, state->LockGeneration) = (_lock.Reference.At, _lock.Reference.Generation);
        Publish();
    }

    private protected SharedData(SharedReference reference, int size)
        : base(BlockKind.Value, reference)
    {
        try
        {
            var state = (Contained*)Contents;
            if (state->ItemBytes != size)
                throw new InvalidOperationException($"The shared values have {state->ItemBytes} bytes each, and here they have {size}.");
            if (state->LockAt != 0) _lock = new(new SharedReference(state->LockAt, state->LockGeneration));
            _ownsLock = true;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Guards what takes more than one access, such as adding to a value. Nothing takes it by itself.</summary>
    /// <exception cref="InvalidOperationException">It was made without a lock.</exception>
    public SharedRLock Lock => _lock ?? throw new InvalidOperationException($"The {GetType().Name[..^2]} was made without a lock.");

    private protected long ItemCount => ((Contained*)Contents)->Count;

    private protected byte* Data => Contents + DataAt;

    private protected override void Disposing()
    {
        if (_ownsLock) _lock?.Dispose();
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Contained
    {
        public long Count, LockAt;
        public uint LockGeneration;
        public int ItemBytes;
    }
}
