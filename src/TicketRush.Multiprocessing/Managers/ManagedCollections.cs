using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Managers;

namespace TicketRush.Multiprocessing;

/// <summary>
/// A dictionary in a manager's process. Keys are the same when their JSON is. Each call is done as a whole; what takes several calls,
/// others may come between.
/// </summary>
[JsonConverter(typeof(ManagedObjectConverter))]
public sealed class ManagedDictionary<TKey, TValue> : ManagedObject, IReadOnlyCollection<KeyValuePair<TKey, TValue>>
    where TKey : notnull
{
    private readonly ManagedJson<TKey> _keys = new("The dictionary's key");
    private readonly ManagedJson<TValue> _values = new("The dictionary's value");

    internal ManagedDictionary(ManagedReference reference)
        : base(reference)
    {
    }

    /// <summary>How many there are.</summary>
    public int Count => Send(Operation.Count).Int();

    /// <summary>
    /// The value of a key. It is a copy: to change what is in the dictionary, set it, or have it be a managed object itself.
    /// </summary>
    /// <exception cref="KeyNotFoundException">There is no such key.</exception>
    public TValue this[TKey key]
    {
        get => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"The managed dictionary has no key {key}.");
        set => Send(Ask(Operation.Set).Add(_keys.Write(key)).Add(_values.Write(value)));
    }

    /// <summary>The keys at this moment.</summary>
    public IReadOnlyList<TKey> Keys => [.. Snapshot().Select(item => item.Key)];

    /// <summary>The values at this moment.</summary>
    public IReadOnlyList<TValue> Values => [.. Snapshot().Select(item => item.Value)];

    /// <summary>Adds a key that is not there yet.</summary>
    /// <exception cref="ArgumentException">It is there.</exception>
    public void Add(TKey key, TValue value)
    {
        if (!TryAdd(key, value)) throw new ArgumentException($"The managed dictionary has a key {key} already.", nameof(key));
    }

    /// <summary>Adds a key unless it is there.</summary>
    public bool TryAdd(TKey key, TValue value) => Send(Ask(Operation.Add).Add(_keys.Write(key)).Add(_values.Write(value))).Bool();

    /// <summary>The value of a key, if it is there.</summary>
    public bool TryGetValue(TKey key, [MaybeNullWhen(false)] out TValue value) =>
        TryRead(Send(Ask(Operation.Get).Add(_keys.Write(key))), out value);

    /// <summary>Whether the key is there.</summary>
    public bool ContainsKey(TKey key) => Send(Ask(Operation.Get).Add(_keys.Write(key))).Bool();

    /// <summary>Gives a key another value if it has the one expected, by its JSON.</summary>
    public bool TryUpdate(TKey key, TValue value, TValue expected) =>
        Send(Ask(Operation.Exchange).Add(_keys.Write(key)).Add(_values.Write(value)).Add(_values.Write(expected))).Bool();

    /// <summary>Removes a key, if it is there.</summary>
    public bool Remove(TKey key) => Remove(key, out _);

    /// <summary>Removes a key, if it is there, and gives its value.</summary>
    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value) =>
        TryRead(Send(Ask(Operation.Remove).Add(_keys.Write(key))), out value);

    /// <summary>Removes everything.</summary>
    public void Clear() => Send(Operation.Clear);

    /// <summary>Goes through what was there at the moment of the call.</summary>
    public IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator() => Snapshot().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private bool TryRead(MessageReader reply, [MaybeNullWhen(false)] out TValue value)
    {
        var found = reply.Bool();
        value = found ? _values.Read(reply.Value()) : default;
        return found;
    }

    private List<KeyValuePair<TKey, TValue>> Snapshot()
    {
        var reply = Send(Operation.Items);
        var items = new List<KeyValuePair<TKey, TValue>>();
        for (var left = reply.Int(); left > 0; left--) items.Add(new(_keys.Read(reply.Value()), _values.Read(reply.Value())));
        return items;
    }
}

/// <summary>
/// A list in a manager's process. Items are the same when their JSON is. Each call is done as a whole; what takes several calls, others
/// may come between.
/// </summary>
[JsonConverter(typeof(ManagedObjectConverter))]
public sealed class ManagedList<T> : ManagedObject, IList<T>, IReadOnlyList<T>
{
    private readonly ManagedJson<T> _items = new("The list's item");

    internal ManagedList(ManagedReference reference)
        : base(reference)
    {
    }

    /// <summary>How many there are.</summary>
    public int Count => Send(Operation.Count).Int();

    bool ICollection<T>.IsReadOnly => false;

    /// <summary>The item at a place. It is a copy: to change what is in the list, set it, or have it be a managed object itself.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    public T this[int index]
    {
        get => _items.Read(Send(Ask(Operation.Get).Add(index)).Value());
        set => Send(Ask(Operation.Set).Add(index).Add(_items.Write(value)));
    }

    /// <inheritdoc/>
    public void Add(T item) => Send(Ask(Operation.Add).Add(_items.Write(item)));

    /// <summary>Adds several, one by one.</summary>
    public void AddRange(IEnumerable<T> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        foreach (var item in items) Add(item);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The index is negative or beyond the end.</exception>
    public void Insert(int index, T item) => Send(Ask(Operation.Insert).Add(index).Add(_items.Write(item)));

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    public void RemoveAt(int index) => Send(Ask(Operation.Remove).Add(index));

    /// <inheritdoc/>
    public bool Remove(T item) => Send(Ask(Operation.Take).Add(_items.Write(item))).Bool();

    /// <inheritdoc/>
    public int IndexOf(T item) => Send(Ask(Operation.Find).Add(_items.Write(item))).Int();

    /// <inheritdoc/>
    public bool Contains(T item) => IndexOf(item) >= 0;

    /// <inheritdoc/>
    public void Clear() => Send(Operation.Clear);

    /// <inheritdoc/>
    public void CopyTo(T[] array, int arrayIndex) => Snapshot().CopyTo(array, arrayIndex);

    /// <summary>Goes through what was there at the moment of the call.</summary>
    public IEnumerator<T> GetEnumerator() => Snapshot().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private List<T> Snapshot()
    {
        var reply = Send(Operation.Items);
        var items = new List<T>();
        for (var left = reply.Int(); left > 0; left--) items.Add(_items.Read(reply.Value()));
        return items;
    }
}

/// <summary>One value in a manager's process.</summary>
[JsonConverter(typeof(ManagedObjectConverter))]
public sealed class ManagedValue<T> : ManagedObject
{
    private static readonly byte[] Key = [];

    private readonly ManagedJson<T> _json = new("The value");

    internal ManagedValue(ManagedReference reference)
        : base(reference)
    {
    }

    /// <summary>The value. To read it, then to set it, is two calls: another's may come between (see <see cref="TryExchange"/>).</summary>
    /// <exception cref="InvalidOperationException">The object was deleted.</exception>
    public T Value
    {
        get
        {
            var reply = Send(Ask(Operation.Get).Add(Key));
            return reply.Bool() ? _json.Read(reply.Value()) : throw new InvalidOperationException("The value has not been set yet.");
        }

        set => Send(Ask(Operation.Set).Add(Key).Add(_json.Write(value)));
    }

    /// <summary>Sets the value if it is the one expected, by its JSON.</summary>
    public bool TryExchange(T value, T expected) =>
        Send(Ask(Operation.Exchange).Add(Key).Add(_json.Write(value)).Add(_json.Write(expected))).Bool();

    internal void Begin(T value) => Send(Ask(Operation.Add).Add(Key).Add(_json.Write(value)));
}

/// <summary>Values of any types by name, in a manager's process.</summary>
[JsonConverter(typeof(ManagedObjectConverter))]
public sealed class ManagedNamespace : ManagedObject
{
    internal ManagedNamespace(ManagedReference reference)
        : base(reference)
    {
    }

    /// <summary>The names that are set at this moment.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            var reply = Send(Operation.Items);
            var names = new List<string>();
            for (var left = reply.Int(); left > 0; left--)
            {
                names.Add(reply.Text());
                reply.Value();
            }

            return names;
        }
    }

    /// <summary>The value of a name.</summary>
    /// <exception cref="KeyNotFoundException">It is not set.</exception>
    /// <exception cref="System.Text.Json.JsonException">It is a value of another type.</exception>
    public T Get<T>(string name)
    {
        var reply = Send(Ask(Operation.Get).Add(Encoding.UTF8.GetBytes(name)));
        return reply.Bool()
            ? new ManagedJson<T>(name).Read(reply.Value())
            : throw new KeyNotFoundException($"The managed namespace has no {name}.");
    }

    /// <summary>Sets the value of a name.</summary>
    public void Set<T>(string name, T value) =>
        Send(Ask(Operation.Set).Add(Encoding.UTF8.GetBytes(name)).Add(new ManagedJson<T>(name).Write(value)));

    /// <summary>Removes a name, if it is set.</summary>
    public bool Remove(string name) => Send(Ask(Operation.Remove).Add(Encoding.UTF8.GetBytes(name))).Bool();
}
