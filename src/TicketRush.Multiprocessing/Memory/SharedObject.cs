namespace TicketRush.Multiprocessing;

/// <summary>
/// An object that the processes of one tree share. It is passed to another process as an argument, over a connection, or inside a
/// queue's item; there it is another handle on the same object.
/// <para>
/// The object lives until every process that has a handle has disposed of it or ended. What is an argument of a child, or of a pool's
/// task or initialiser, may be disposed of as soon as that call has returned: it is kept until the other process has its own. Over a
/// connection or in a queue it travels as a mere reference, so there keep yours until the other process has received its own. A handle
/// that is not disposed of is let go when its process ends, never by the garbage collector.
/// </para>
/// </summary>
public abstract unsafe class SharedObject : IDisposable
{
    private readonly long _at;
    private readonly BlockKind _kind;
    private byte* _contents;

    private protected SharedObject(BlockKind kind, long reserve, long commit)
    {
        Arena = Arena.Current;
        _kind = kind;
        _at = Arena.Allocate(kind, reserve, commit);
        _contents = Arena.At(_at);
        Me = Arena.Self.Word;
    }

    private protected SharedObject(BlockKind kind, SharedReference reference)
    {
        Arena = Arena.Current;
        _kind = kind;
        _at = reference.At;
        Arena.Hold(_at, kind, reference.Generation);
        _contents = Arena.At(_at);
        Me = Arena.Self.Word;
    }

    internal Arena Arena { get; }

    /// <summary>This process in the words of locks.</summary>
    private protected uint Me { get; }

    /// <exception cref="ObjectDisposedException">This handle was disposed of.</exception>
    private protected byte* Contents
    {
        get
        {
            var contents = _contents;
            if (contents == null) ThrowDisposed();
            return contents;
        }
    }

    internal BlockKind Kind => _kind;

    internal SharedReference Reference
    {
        get
        {
            _ = Contents;
            return new(_at, Arena.Generation(_at));
        }
    }

    /// <summary>Lets the object go in this process; others keep it. Again is harmless. Not while another thread uses this handle.</summary>
    public void Dispose()
    {
        lock (Arena.Slots)
        {
            if (_contents == null) return;
            _contents = null;
        }

        Disposing();
        Arena.Release(_at);
        GC.SuppressFinalize(this);
    }

    /// <summary>
    /// A wait on a thread of the library's own. It holds the object for itself: when the caller disposes of the handle meanwhile, the
    /// memory must not become another object on whose words that thread still acts.
    /// </summary>
    private protected Task<T> WaitApart<T>(Func<T> wait)
    {
        Arena.Hold(_at, _kind, Arena.Generation(_at));
        return WaiterThreads.Run(() =>
        {
            try
            {
                return wait();
            }
            finally
            {
                Arena.Release(_at);
            }
        });
    }

    /// <summary>Lets go of other objects that this one keeps.</summary>
    private protected virtual void Disposing()
    {
    }

    /// <summary>At the end of a constructor that makes an object: from here on others clear up in it when this process dies.</summary>
    private protected void Publish() => Arena.Publish(_at);

    private protected virtual void ThrowDisposed() => throw new ObjectDisposedException(GetType().Name);
}
