using TicketRush.Multiprocessing.Connections;

namespace TicketRush.Multiprocessing.Managers;

/// <summary>One process that uses a manager, by however many connections. It is gone when the last of them is.</summary>
internal sealed class Session(Guid identity)
{
    public Guid Identity => identity;

    public int Connections { get; set; }

    public HashSet<Mutex> Taken { get; } = [];
}

/// <summary>One request, while the server is at it.</summary>
internal sealed class Turn(Session session, CancellationToken gone)
{
    public Session Session => session;

    /// <summary>Cancelled when the client has gone, which then waits for nothing any more.</summary>
    public CancellationToken Gone => gone;

    /// <summary>Takes back what was done, if the client ends before it has read the reply.</summary>
    public Action? Undo { get; set; }
}

/// <summary>An object that a manager keeps for others, in the server's process.</summary>
internal abstract class Served
{
    private static readonly TimeSpan LongestSleep = TimeSpan.FromDays(1);

    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public abstract ServedKind Kind { get; }

    protected Lock Gate { get; } = new();

    /// <summary>Does what was asked; what it throws is told to the client.</summary>
    public abstract ValueTask<Message> DoAsync(Operation operation, ReadOnlyMemory<byte> arguments, Turn turn);

    public static Served Make(ServedKind kind, int size) => kind switch
    {
        ServedKind.Store => new Store(),
        ServedKind.Sequence => new Sequence(),
        ServedKind.Mutex => new Mutex(),
        ServedKind.Fifo => new Fifo(size),
        ServedKind.Flag => new Flag(),
        _ => throw new InvalidOperationException($"A manager has no objects of kind {kind}."),
    };

    protected static InvalidOperationException Unknown(Operation operation, Served target) =>
        new($"An object of kind {target.Kind} cannot do {operation}.");

    /// <summary>In the gate: those who wait look again.</summary>
    protected void Changed()
    {
        var changed = _changed;
        _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }

    /// <summary>Tries, in the gate, and after every change again, until it succeeds or the time is up.</summary>
    protected async ValueTask<bool> UntilAsync(Func<bool> tryIt, TimeSpan timeout, CancellationToken gone)
    {
        var limit = Deadline.After(timeout);
        while (true)
        {
            Task changed;
            lock (Gate)
            {
                if (tryIt()) return true;
                changed = _changed.Task;
            }

            if (limit.HasPassed) return false;
            var left = limit.Left;
            if (left == Timeout.InfiniteTimeSpan || left > LongestSleep) left = LongestSleep;
            try
            {
                await changed.WaitAsync(left, gone).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                // One last look.
            }
        }
    }
}

/// <summary>Values by keys, both JSON: keys are the same when their texts are.</summary>
internal sealed class Store : Served
{
    private readonly Dictionary<string, byte[]> _values = [];

    public override ServedKind Kind => ServedKind.Store;

    public override ValueTask<Message> DoAsync(Operation operation, ReadOnlyMemory<byte> arguments, Turn turn)
    {
        lock (Gate) return new(Do(operation, new(arguments.Span)));
    }

    private Message Do(Operation operation, MessageReader arguments)
    {
        var reply = Message.Reply();
        switch (operation)
        {
            case Operation.Count:
                return reply.Add(_values.Count);
            case Operation.Clear:
                _values.Clear();
                return reply;
            case Operation.Items:
                reply.Add(_values.Count);
                foreach (var (name, value) in _values) reply.Add(name).Add(value);
                return reply;
        }

        var key = arguments.Text();
        switch (operation)
        {
            case Operation.Get:
                return _values.TryGetValue(key, out var found) ? reply.Add(true).Add(found) : reply.Add(false);
            case Operation.Set:
                _values[key] = arguments.Value();
                return reply;
            case Operation.Add:
                return reply.Add(_values.TryAdd(key, arguments.Value()));
            case Operation.Remove:
                return _values.Remove(key, out var removed) ? reply.Add(true).Add(removed) : reply.Add(false);
            case Operation.Exchange:
                var (value, comparand) = (arguments.Value(), arguments.Value());
                if (!_values.TryGetValue(key, out var present) || !present.AsSpan().SequenceEqual(comparand)) return reply.Add(false);
                _values[key] = value;
                return reply.Add(true);
            default:
                throw Unknown(operation, this);
        }
    }
}

/// <summary>Values in an order.</summary>
internal sealed class Sequence : Served
{
    private readonly List<byte[]> _values = [];

    public override ServedKind Kind => ServedKind.Sequence;

    public override ValueTask<Message> DoAsync(Operation operation, ReadOnlyMemory<byte> arguments, Turn turn)
    {
        lock (Gate) return new(Do(operation, new(arguments.Span)));
    }

    private Message Do(Operation operation, MessageReader arguments)
    {
        var reply = Message.Reply();
        switch (operation)
        {
            case Operation.Count:
                return reply.Add(_values.Count);
            case Operation.Clear:
                _values.Clear();
                return reply;
            case Operation.Items:
                reply.Add(_values.Count);
                foreach (var value in _values) reply.Add(value);
                return reply;
            case Operation.Get:
                return reply.Add(_values[Within(arguments.Int(), _values.Count)]);
            case Operation.Set:
                _values[Within(arguments.Int(), _values.Count)] = arguments.Value();
                return reply;
            case Operation.Add:
                _values.Add(arguments.Value());
                return reply;
            case Operation.Insert:
                _values.Insert(Within(arguments.Int(), _values.Count + 1), arguments.Value());
                return reply;
            case Operation.Remove:
                _values.RemoveAt(Within(arguments.Int(), _values.Count));
                return reply;
            case Operation.Find:
                return reply.Add(Find(arguments.Value()));

            // Found and removed at once: between two requests it may have moved.
            case Operation.Take:
                var at = Find(arguments.Value());
                if (at >= 0) _values.RemoveAt(at);
                return reply.Add(at >= 0);
            default:
                throw Unknown(operation, this);
        }
    }

    private int Find(byte[] sought) => _values.FindIndex(value => value.AsSpan().SequenceEqual(sought));

    private int Within(int index, int count) => (uint)index < (uint)count
        ? index
        : throw new ArgumentOutOfRangeException(nameof(index), $"The list has {_values.Count} items, and none at {index}.");
}

/// <summary>A lock. The server knows who has it, and that who has it is gone.</summary>
internal sealed class Mutex : Served
{
    private Turn? _holder;
    private bool _isAbandoned;

    public override ServedKind Kind => ServedKind.Mutex;

    public override async ValueTask<Message> DoAsync(Operation operation, ReadOnlyMemory<byte> arguments, Turn turn)
    {
        switch (operation)
        {
            case Operation.Acquire:
                var timeout = new MessageReader(arguments.Span).Time();
                var result = LockResult.TimedOut;
                await UntilAsync(() => TryTake(turn, out result), timeout, turn.Gone).ConfigureAwait(false);
                return Message.Reply().Add((int)result);
            case Operation.Release:
                lock (Gate)
                {
                    if (_holder is null) throw new SynchronizationLockException("ManagedLock.Release: nobody has the lock.");
                    LetGo(isAbandoned: false);
                    return Message.Reply();
                }

            case Operation.IsTaken:
                lock (Gate) return Message.Reply().Add(_holder is not null);
            default:
                throw Unknown(operation, this);
        }
    }

    public void Abandon(Session gone)
    {
        lock (Gate)
            if (_holder?.Session == gone) LetGo(isAbandoned: true);
    }

    private bool TryTake(Turn turn, out LockResult result)
    {
        result = LockResult.TimedOut;
        if (_holder is not null) return false;
        result = _isAbandoned ? LockResult.Abandoned : LockResult.Acquired;
        var wasAbandoned = _isAbandoned;
        (_holder, _isAbandoned) = (turn, false);
        lock (turn.Session.Taken) turn.Session.Taken.Add(this);

        // Whoever did not learn that he had it did nothing with it.
        turn.Undo = () =>
        {
            lock (Gate)
                if (_holder == turn) LetGo(wasAbandoned);
        };
        return true;
    }

    private void LetGo(bool isAbandoned)
    {
        lock (_holder!.Session.Taken) _holder.Session.Taken.Remove(this);
        (_holder, _isAbandoned) = (null, isAbandoned);
        Changed();
    }
}

/// <summary>A queue.</summary>
internal sealed class Fifo(int size) : Served
{
    private readonly LinkedList<byte[]> _items = new();

    public override ServedKind Kind => ServedKind.Fifo;

    public override async ValueTask<Message> DoAsync(Operation operation, ReadOnlyMemory<byte> arguments, Turn turn)
    {
        switch (operation)
        {
            case Operation.Put:
                var (putTimeout, item) = Read(arguments.Span);
                return Message.Reply().Add(await UntilAsync(() => TryPut(item), putTimeout, turn.Gone).ConfigureAwait(false));
            case Operation.Take:
                var timeout = new MessageReader(arguments.Span).Time();
                byte[]? taken = null;
                return await UntilAsync(() => TryTake(turn, out taken), timeout, turn.Gone).ConfigureAwait(false)
                    ? Message.Reply().Add(true).Add(taken!)
                    : Message.Reply().Add(false);
            case Operation.Count:
                lock (Gate) return Message.Reply().Add(_items.Count).Add(size);
            default:
                throw Unknown(operation, this);
        }
    }

    private static (TimeSpan, byte[]) Read(ReadOnlySpan<byte> arguments)
    {
        var reader = new MessageReader(arguments);
        return (reader.Time(), reader.Value());
    }

    private bool TryPut(byte[] item)
    {
        if (size > 0 && _items.Count >= size) return false;
        _items.AddLast(item);
        Changed();
        return true;
    }

    private bool TryTake(Turn turn, out byte[]? item)
    {
        item = _items.First?.Value;
        if (item is null) return false;
        _items.RemoveFirst();
        Changed();
        var taken = item;
        turn.Undo = () =>
        {
            lock (Gate)
            {
                _items.AddFirst(taken);
                Changed();
            }
        };
        return true;
    }
}

/// <summary>An event.</summary>
internal sealed class Flag : Served
{
    private bool _isSet;

    // Those who waited when it was set go on also when it is cleared at once.
    private long _times;

    public override ServedKind Kind => ServedKind.Flag;

    public override async ValueTask<Message> DoAsync(Operation operation, ReadOnlyMemory<byte> arguments, Turn turn)
    {
        switch (operation)
        {
            case Operation.Raise:
            case Operation.Lower:
                lock (Gate)
                {
                    if (_isSet == (operation == Operation.Raise)) return Message.Reply();
                    _isSet = !_isSet;
                    if (_isSet) _times++;
                    Changed();
                    return Message.Reply();
                }

            case Operation.Get:
                lock (Gate) return Message.Reply().Add(_isSet);
            case Operation.Wait:
                var timeout = new MessageReader(arguments.Span).Time();
                var first = Volatile.Read(ref _times);
                return Message.Reply().Add(await UntilAsync(() => _isSet || _times != first, timeout, turn.Gone).ConfigureAwait(false));
            default:
                throw Unknown(operation, this);
        }
    }
}
