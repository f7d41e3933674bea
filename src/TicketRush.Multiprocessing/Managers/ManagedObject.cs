using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using TicketRush.Multiprocessing.Managers;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing;

/// <summary>
/// Stands for an object that a <see cref="Manager"/> keeps in its process: every call is done there. It goes to other processes as an
/// argument, over a connection, in a queue's item, and into other objects of a manager; it is then another that stands for the same object.
/// Reading one takes the key of the manager that <see cref="Manager.Connect(string, byte[])"/> was called with in that process, or else the
/// process's own (<see cref="CurrentProcess.AuthKey"/>), which all of a tree have.
/// <para>
/// The object lives until its manager ends, or <see cref="Delete"/>. Any number of threads may use one of these. When the manager has
/// ended, every call says so by <see cref="ManagerLostException"/>.
/// </para>
/// </summary>
public abstract class ManagedObject
{
    private readonly ManagerClient _client;

    private protected ManagedObject(ManagedReference reference) =>
        (_client, Number) = (ManagerClient.For(reference.Address), reference.Number);

    internal long Number { get; }

    internal ManagedReference Reference => new(_client.Address, Number);

    /// <summary>
    /// Ends the object, for everybody. Those who wait for it wait on; from now on it cannot be asked anything. Again is harmless.
    /// </summary>
    /// <exception cref="ManagerLostException">The manager has ended.</exception>
    public void Delete() => _client.Call(Message.Request(ManagerServer.Itself, Operation.Delete).Add(Number));

    /// <summary>Whether both stand for the same object.</summary>
    public override bool Equals(object? other) => other is ManagedObject managed && managed.Reference == Reference;

    /// <inheritdoc/>
    public override int GetHashCode() => Reference.GetHashCode();

    private protected Message Ask(Operation operation) => Message.Request(Number, operation);

    private protected MessageReader Send(Message request, CancellationToken cancellation = default) =>
        new(_client.Call(request, cancellation));

    private protected MessageReader Send(Operation operation) => Send(Ask(operation));
}

/// <summary>Where a managed object is.</summary>
internal readonly record struct ManagedReference(string Address, long Number);

/// <summary>How the values of a managed object are written.</summary>
internal readonly struct ManagedJson<T>
{
    private readonly JsonTypeInfo<T> _type;

    /// <exception cref="NotSupportedException">No context knows the type.</exception>
    public ManagedJson(string what) => _type = (JsonTypeInfo<T>)Argument.TypeOf(typeof(T), what);

    public byte[] Write(T value) => JsonSerializer.SerializeToUtf8Bytes(value, _type);

    public T Read(ReadOnlySpan<byte> value) => JsonSerializer.Deserialize(value, _type)!;
}
