using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace TicketRush.Multiprocessing;

/// <summary>How the items of a queue become bytes and items again. No names of types travel: both ends know what they exchange.</summary>
/// <typeparam name="T">The items.</typeparam>
public abstract class ItemCodec<T>
{
    private protected ItemCodec()
    {
    }

    internal abstract ItemCodecKind Kind { get; }

    /// <summary>How long every item is when it is a copy of the value's own bytes; else -1.</summary>
    internal virtual int FixedBytes => -1;

    /// <summary>Throws what the item's own serialisation does; then nothing of it is in the queue.</summary>
    internal abstract void Write(T item, IBufferWriter<byte> target);

    internal abstract T Read(ReadOnlySpan<byte> bytes);

    /// <summary>The codec of a type for which there is only one to choose.</summary>
    internal static ItemCodec<T> Default =>
        Find() ?? throw new ArgumentException(
            $"A queue of {typeof(T)} needs to know how its items become bytes: pass ItemCodec.Json(YourContext.Default.{typeof(T).Name}).",
            "codec");

    /// <summary>The codec of a queue that another process made.</summary>
    internal static ItemCodec<T> Attach(ItemCodecKind kind, JsonSerializerOptions options) =>
        kind == ItemCodecKind.Json ? ItemCodec.Json((JsonTypeInfo<T>)options.GetTypeInfo(typeof(T)))
        : Find() is { } found && found.Kind == kind ? found
        : throw new InvalidOperationException(
            $"The items of the queue are written as {kind}, which is not how this process reads {typeof(T)}.");

    private static ItemCodec<T>? Find() =>
        typeof(T) == typeof(byte[]) ? (ItemCodec<T>)(object)ItemCodec.Bytes
        : typeof(T) == typeof(string) ? (ItemCodec<T>)(object)ItemCodec.Text
        : RuntimeHelpers.IsReferenceOrContainsReferences<T>() ? null
        : new ValueCodec<T>();
}

/// <summary>Makes codecs.</summary>
public static class ItemCodec
{
    /// <summary>Byte arrays, as they are.</summary>
    public static ItemCodec<byte[]> Bytes { get; } = new BytesCodec();

    /// <summary>Strings, as UTF-8.</summary>
    public static ItemCodec<string> Text { get; } = new TextCodec();

    /// <summary>Values without references, as they lie in memory. What takes no serialisation is the fastest.</summary>
    public static ItemCodec<T> Unmanaged<T>()
        where T : unmanaged => new ValueCodec<T>();

    /// <summary>Anything that a source-generated context describes, as JSON.</summary>
    public static ItemCodec<T> Json<T>(JsonTypeInfo<T> typeInfo)
    {
        ArgumentNullException.ThrowIfNull(typeInfo);
        return new JsonCodec<T>(typeInfo);
    }
}

/// <summary>Written in the queue, so that a process that attaches uses what the maker did.</summary>
internal enum ItemCodecKind
{
    Json = 1,
    Bytes = 2,
    Text = 3,
    Value = 4,
}

internal sealed class BytesCodec : ItemCodec<byte[]>
{
    internal override ItemCodecKind Kind => ItemCodecKind.Bytes;

    internal override void Write(byte[] item, IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(item);
        target.Write(item);
    }

    internal override byte[] Read(ReadOnlySpan<byte> bytes) => bytes.ToArray();
}

internal sealed class TextCodec : ItemCodec<string>
{
    internal override ItemCodecKind Kind => ItemCodecKind.Text;

    internal override void Write(string item, IBufferWriter<byte> target)
    {
        ArgumentNullException.ThrowIfNull(item);
        Encoding.UTF8.GetBytes(item, target);
    }

    internal override string Read(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}

internal sealed class ValueCodec<T> : ItemCodec<T>
{
    internal override ItemCodecKind Kind => ItemCodecKind.Value;

    internal override int FixedBytes => Unsafe.SizeOf<T>();

    internal override void Write(T item, IBufferWriter<byte> target) =>
        target.Write(MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<T, byte>(ref item), Unsafe.SizeOf<T>()));

    internal override T Read(ReadOnlySpan<byte> bytes) => Unsafe.ReadUnaligned<T>(ref MemoryMarshal.GetReference(bytes));
}

internal sealed class JsonCodec<T>(JsonTypeInfo<T> typeInfo) : ItemCodec<T>
{
    [ThreadStatic]
    private static Utf8JsonWriter? _spare;

    internal override ItemCodecKind Kind => ItemCodecKind.Json;

    internal override void Write(T item, IBufferWriter<byte> target)
    {
        // Taken while in use: a converter of the item may put into a queue itself.
        var writer = _spare ?? new(target);
        _spare = null;
        writer.Reset(target);
        JsonSerializer.Serialize(writer, item, typeInfo);
        writer.Flush();
        _spare = writer;
    }

    internal override T Read(ReadOnlySpan<byte> bytes) => JsonSerializer.Deserialize(bytes, typeInfo)!;
}
