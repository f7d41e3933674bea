using System.Net;
using System.Net.Sockets;
using TicketRush.Multiprocessing.Managers;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>
/// Objects in a process of their own, for others to use together: those of this tree, which get them as arguments, and any other that
/// knows the address and the key.
/// <code>
/// using var manager = Manager.Start();
/// var seats = manager.Dictionary&lt;string, int&gt;();
/// using var worker = new ChildProcess(Sell, seats);
/// </code>
/// <para>
/// Values travel as JSON, by the contexts given to <see cref="ProcessEntry"/>; the process that keeps them never looks into them. An object
/// made with a name is the same for everybody who asks for that name. A call is two messages, some twenty microseconds: what is shared
/// within one tree and used often is better shared by memory.
/// </para>
/// </summary>
public sealed class Manager : IDisposable
{
    private static readonly TimeSpan EndMost = TimeSpan.FromSeconds(5);

    private readonly ManagerClient _client;
    private readonly ChildProcess? _process;
    private readonly Connection? _control;

    private Manager(ManagerClient client, ChildProcess? process, Connection? control) =>
        (_client, _process, _control) = (client, process, control);

    /// <summary>Where it can be reached.</summary>
    public EndPoint EndPoint => ManagerAddress.Parse(_client.Address);

    /// <summary>The id of the process that keeps the objects, if it was started here.</summary>
    public int? Pid { get; private init; }

    /// <summary>Starts a manager's process, which ends with this one or with <see cref="Dispose"/>.</summary>
    /// <param name="name">
    /// Where it is to listen: the path of a file, or an abstract name, which begins with the character <c>\0</c>. None: an abstract one
    /// of random letters.
    /// </param>
    /// <param name="authKey">What who connects must know; this process's <see cref="CurrentProcess.AuthKey"/> unless given.</param>
    /// <exception cref="IOException">It cannot listen there; the message says why.</exception>
    /// <exception cref="InvalidOperationException">
    /// This process is a daemon, or its program did not begin with
    /// <see cref="ProcessEntry.Run(System.Text.Json.Serialization.JsonSerializerContext[])"/>.
    /// </exception>
    public static Manager Start(string? name = null, byte[]? authKey = null) =>
        Launch(name is null ? null : new UnixDomainSocketEndPoint(name), authKey);

    /// <summary>Starts a manager's process at an IP address; port 0 is any free one.</summary>
    /// <inheritdoc cref="Start(string, byte[])"/>
    public static Manager Start(EndPoint address, byte[]? authKey = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        return Launch(address, authKey);
    }

    /// <summary>Uses a manager that another process has started.</summary>
    /// <param name="name">The path or the abstract name where it listens.</param>
    /// <param name="authKey">What it was started with; this process's <see cref="CurrentProcess.AuthKey"/> unless given.</param>
    /// <exception cref="ManagerLostException">Nobody listens there.</exception>
    /// <exception cref="AuthenticationFailedException">It has another key.</exception>
    public static Manager Connect(string name, byte[]? authKey = null) => Connect(new UnixDomainSocketEndPoint(name), authKey);

    /// <inheritdoc cref="Connect(string, byte[])"/>
    public static Manager Connect(EndPoint address, byte[]? authKey = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        var client = ManagerClient.For(ManagerAddress.Format(address), authKey ?? CurrentProcess.AuthKey);
        client.Call(Message.Request(ManagerServer.Itself, Operation.Delete).Add(ManagerServer.Itself));
        return new(client, null, null);
    }

    /// <summary>A dictionary.</summary>
    /// <param name="name">None: a new one. Else the one that has this name, which is made if there is none.</param>
    /// <exception cref="InvalidOperationException">The name is that of an object of another kind.</exception>
    /// <exception cref="NotSupportedException">No context knows how to write its values.</exception>
    /// <exception cref="ManagerLostException">The manager has ended.</exception>
    public ManagedDictionary<TKey, TValue> Dictionary<TKey, TValue>(string? name = null)
        where TKey : notnull => new(Make(ServedKind.Store, name));

    /// <summary>A list.</summary>
    /// <inheritdoc cref="Dictionary{TKey, TValue}"/>
    public ManagedList<T> List<T>(string? name = null) => new(Make(ServedKind.Sequence, name));

    /// <summary>A value.</summary>
    /// <param name="initial">What it is at first. One that is there already stays what it is.</param>
    /// <param name="name">None: a new one. Else the one that has this name, which is made if there is none.</param>
    /// <inheritdoc cref="Dictionary{TKey, TValue}"/>
    public ManagedValue<T> Value<T>(T initial, string? name = null)
    {
        var value = new ManagedValue<T>(Make(ServedKind.Store, name));
        value.Begin(initial);
        return value;
    }

    /// <summary>Values by name.</summary>
    /// <inheritdoc cref="Dictionary{TKey, TValue}"/>
    public ManagedNamespace Namespace(string? name = null) => new(Make(ServedKind.Store, name));

    /// <summary>A lock.</summary>
    /// <inheritdoc cref="Dictionary{TKey, TValue}"/>
    public ManagedLock Lock(string? name = null) => new(Make(ServedKind.Mutex, name));

    /// <summary>A queue.</summary>
    /// <param name="maxSize">How many items there may be; 0 or less: no limit. One that is there already has its own.</param>
    /// <param name="name">None: a new one. Else the one that has this name, which is made if there is none.</param>
    /// <inheritdoc cref="Dictionary{TKey, TValue}"/>
    public ManagedQueue<T> Queue<T>(int maxSize = 0, string? name = null) => new(Make(ServedKind.Fifo, name, maxSize));

    /// <summary>An event.</summary>
    /// <inheritdoc cref="Dictionary{TKey, TValue}"/>
    public ManagedEvent Event(string? name = null) => new(Make(ServedKind.Flag, name));

    /// <summary>Ends the process if it was started here, and with it all objects; else only lets go of it. Again is harmless.</summary>
    public void Dispose()
    {
        _client.Close();
        _control?.Dispose();
        if (_process is null) return;
        if (!_process.Wait(EndMost)) _process.Signal(Programs.Kill);
        _process.Wait(EndMost);
        _process.Dispose();
    }

    private static Manager Launch(EndPoint? address, byte[]? authKey)
    {
        var key = authKey ?? CurrentProcess.AuthKey;
        var (ours, theirs) = Descriptors.Pair(packets: false);
        var control = new Connection(ours);
        try
        {
            var text = address is null ? null : ManagerAddress.Format(address);
            var process = new ChildProcess(ManagerServer.Work, theirs, text) { Daemon = true, AuthKey = key };
            using (theirs) process.Start();
            var told = new MessageReader(control.Receive());
            if (told.Byte() != 0) throw new IOException($"The manager cannot be had: {ManagerClient.Thrown(told).Message}");
            return new(ManagerClient.For(told.Text(), key), process, control) { Pid = process.Pid };
        }
        catch (EndOfStreamException why)
        {
            control.Dispose();
            throw new ManagerLostException("The manager's process ended before it listened.", why);
        }
        catch
        {
            control.Dispose();
            throw;
        }
    }

    private ManagedReference Make(ServedKind kind, string? name, int size = 0)
    {
        var request = Message.Request(ManagerServer.Itself, Operation.Create).Add((int)kind).Add(size).Add(name ?? "");
        return new(_client.Address, new MessageReader(_client.Call(request)).Long());
    }
}
