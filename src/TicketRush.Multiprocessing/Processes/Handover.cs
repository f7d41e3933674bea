using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing.Processes;

/// <summary>
/// How descriptors travel inside something that is written as JSON: the text holds a number, the descriptor goes beside it. Whoever
/// writes opens a scope that collects them (<see cref="Collect"/>), sends both, and whoever reads opens one that supplies them
/// (<see cref="Supply"/>). The converters of connections and sockets find the scope of their thread; where there is none, nothing
/// carries descriptors, and they say so.
/// <para>
/// What is shared travels as a number too. A scope that keeps has a handle of its own on each shared object that is written in it, made as
/// the reader will make his: so the writer's may be disposed of before the reader has come to it.
/// </para>
/// <code>
/// using var handover = Handover.Collect();
/// JsonSerializer.Serialize(writer, value, typeInfo);
/// Descriptors.Send(socket, bytes, handover.Descriptors);
///
/// var count = Descriptors.Receive(socket, buffer, out var descriptors);
/// using var handover = Handover.Supply(descriptors);
/// value = JsonSerializer.Deserialize(bytes, typeInfo);
/// </code>
/// </summary>
internal sealed class Handover : IDisposable
{
    /// <summary>The kernel's limit for one message, less a few that the library itself sends along.</summary>
    private const int Most = Native.Descriptors.MostPerMessage - 3;

    [ThreadStatic]
    private static Handover? _current;

    private readonly Handover? _outer = _current;
    private readonly List<SafeHandle>? _collected;
    private readonly SafeFileHandle?[]? _supplied;
    private List<SharedObject>? _kept;

    private Handover(List<SafeHandle>? collected, SafeFileHandle?[]? supplied, bool keeps)
    {
        (_collected, _supplied, _kept) = (collected, supplied, keeps ? [] : null);
        _current = this;
    }

    /// <summary>For tests, on their thread: keeps nothing, to show what that is for.</summary>
    [field: ThreadStatic]
    internal static bool Forgets { get; set; }

    /// <summary>Those collected, in the order of their numbers; open until the scope ends, whoever closes them meanwhile.</summary>
    public ReadOnlySpan<SafeHandle> Descriptors => CollectionsMarshal.AsSpan(_collected);

    /// <summary>Until it is disposed of, on this thread: descriptors may be written.</summary>
    public static Handover Collect() => new([], null, keeps: false);

    /// <summary>The same, and what is shared is kept until <see cref="TakeKept"/> or the scope's end.</summary>
    public static Handover CollectAndKeep() => new([], null, keeps: true);

    /// <summary>No descriptors may be written, and what is shared is kept until <see cref="TakeKept"/> or the scope's end.</summary>
    public static Handover Keep() => new(null, null, keeps: true);

    /// <summary>
    /// Until it is disposed of, on this thread: these may be read. The scope owns them; those that nobody took are closed at its end.
    /// </summary>
    public static Handover Supply(SafeFileHandle[] descriptors) => new(null, descriptors, keeps: false);

    /// <summary>By whoever writes a shared object: keeps it, where the scope does.</summary>
    /// <exception cref="ObjectDisposedException">The handle was disposed of.</exception>
    public static void Keep(SharedObject shared, JsonSerializerOptions options)
    {
        if (!Forgets && _current?._kept is { } kept) kept.Add(SharedObjectConverter.Attach(shared.GetType(), shared.Reference, options));
    }

    /// <summary>Takes a descriptor along with what is being written.</summary>
    /// <param name="descriptor">It stays the caller's; the reader gets one of its own for the same open file.</param>
    /// <param name="what">What the user knows it as, with its article: "a connection".</param>
    /// <returns>The number to write in its place.</returns>
    /// <exception cref="NotSupportedException">What is being written goes where no descriptor can.</exception>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public static int Add(SafeHandle descriptor, string what)
    {
        if (_current?._collected is not { } collected)
        {
            throw new NotSupportedException(
                $"{char.ToUpperInvariant(what[0])}{what[1..]} can be an argument of a child process or be sent over a connection; it "
                + "cannot be an item of a queue, or be kept.");
        }

        if (collected.Count == Most) throw new NotSupportedException($"No more than {Most} descriptors can be handed over at once.");

        var added = false;
        descriptor.DangerousAddRef(ref added);
        collected.Add(descriptor);
        return collected.Count - 1;
    }

    /// <summary>The descriptor that came for a number; from now on the caller's.</summary>
    /// <exception cref="JsonException">None came for it, or it is taken.</exception>
    /// <exception cref="NotSupportedException">What is being read came by a way that carries no descriptors.</exception>
    public static SafeFileHandle Take(int number)
    {
        if (_current?._supplied is not { } supplied)
        {
            throw new NotSupportedException(
                "A descriptor can be read only where it was handed over: in a child's arguments, or from a connection.");
        }

        if ((uint)number >= (uint)supplied.Length || supplied[number] is not { } descriptor)
            throw new JsonException($"No descriptor came for the number {number}.");

        supplied[number] = null;
        return descriptor;
    }

    /// <summary>The handles on what was written; from now on the caller's.</summary>
    public SharedObject[] TakeKept()
    {
        if (_kept is not { Count: > 0 } kept) return [];
        _kept = null;
        return [.. kept];
    }

    public void Dispose()
    {
        if (_current != this) return;
        _current = _outer;
        foreach (var shared in _kept ?? []) shared.Dispose();
        foreach (var descriptor in _collected ?? []) descriptor.DangerousRelease();
        foreach (var descriptor in _supplied ?? []) descriptor?.Dispose();
    }
}
