using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>
/// How the arguments and results of a pool's tasks become bytes. Values without references are copied as they lie in memory: both ends
/// are the same binary. Anything else has its length before it, and is JSON unless it is text or bytes. Both ends find the same way by
/// the type of the parameter, so nothing says which it is.
/// </summary>
internal abstract class Wire<T>
{
    private static Wire<T>? _known;

    /// <exception cref="NotSupportedException">No context knows the type.</exception>
    public static Wire<T> Of(string what) => _known ??= Find(what);

    /// <summary>A value may refer to what is shared, so that when it is written matters.</summary>
    public virtual bool MayShare => false;

    /// <summary>Writes the value whole, or throws and has written nothing.</summary>
    public abstract void Write(T value, IBufferWriter<byte> target);

    /// <summary>Takes one value off the front, also when it then cannot be read.</summary>
    public abstract T Read(ref ReadOnlySpan<byte> source);

    public virtual void Write(ReadOnlySpan<T> values, IBufferWriter<byte> target)
    {
        foreach (var value in values) Write(value, target);
    }

    public virtual void Read(ref ReadOnlySpan<byte> source, Span<T> values)
    {
        foreach (ref var value in values) value = Read(ref source);
    }

    private static Wire<T> Find(string what) =>
        !RuntimeHelpers.IsReferenceOrContainsReferences<T>() ? new CopyWire<T>()
        : typeof(T) == typeof(string) ? (Wire<T>)(object)new TextWire()
        : typeof(T) == typeof(byte[]) ? (Wire<T>)(object)new BytesWire()
        : new JsonWire<T>((JsonTypeInfo<T>)Argument.TypeOf(typeof(T), what));
}

/// <summary>Lengths in front of what has no fixed one; -1 is null.</summary>
internal static class Framed
{
    public static void Write(IBufferWriter<byte> target, int number)
    {
        BinaryPrimitives.WriteInt32LittleEndian(target.GetSpan(sizeof(int)), number);
        target.Advance(sizeof(int));
    }

    public static void WriteBytes(IBufferWriter<byte> target, ReadOnlySpan<byte> bytes)
    {
        Write(target, bytes.Length);
        target.Write(bytes);
    }

    public static int Read(ref ReadOnlySpan<byte> source)
    {
        var number = BinaryPrimitives.ReadInt32LittleEndian(source);
        source = source[sizeof(int)..];
        return number;
    }

    /// <returns>False for null.</returns>
    public static bool TryReadBytes(ref ReadOnlySpan<byte> source, out ReadOnlySpan<byte> bytes)
    {
        var length = Read(ref source);
        bytes = length < 0 ? default : source[..length];
        source = source[bytes.Length..];
        return length >= 0;
    }
}

internal sealed class CopyWire<T> : Wire<T>
{
    public override void Write(T value, IBufferWriter<byte> target)
    {
        Unsafe.WriteUnaligned(ref MemoryMarshal.GetReference(target.GetSpan(Unsafe.SizeOf<T>())), value);
        target.Advance(Unsafe.SizeOf<T>());
    }

    public override T Read(ref ReadOnlySpan<byte> source)
    {
        var value = Unsafe.ReadUnaligned<T>(ref MemoryMarshal.GetReference(source[..Unsafe.SizeOf<T>()]));
        source = source[Unsafe.SizeOf<T>()..];
        return value;
    }

    public override void Write(ReadOnlySpan<T> values, IBufferWriter<byte> target) =>
        target.Write(MemoryMarshal.CreateReadOnlySpan(
            ref Unsafe.As<T, byte>(ref MemoryMarshal.GetReference(values)), checked(values.Length * Unsafe.SizeOf<T>())));

    public override void Read(ref ReadOnlySpan<byte> source, Span<T> values)
    {
        var bytes = MemoryMarshal.CreateSpan(
            ref Unsafe.As<T, byte>(ref MemoryMarshal.GetReference(values)), checked(values.Length * Unsafe.SizeOf<T>()));
        source[..bytes.Length].CopyTo(bytes);
        source = source[bytes.Length..];
    }
}

internal sealed class TextWire : Wire<string?>
{
    public override void Write(string? value, IBufferWriter<byte> target)
    {
        Framed.Write(target, value is null ? -1 : Encoding.UTF8.GetByteCount(value));
        if (value is not null) Encoding.UTF8.GetBytes(value, target);
    }

    public override string? Read(ref ReadOnlySpan<byte> source) =>
        Framed.TryReadBytes(ref source, out var bytes) ? Encoding.UTF8.GetString(bytes) : null;
}

internal sealed class BytesWire : Wire<byte[]?>
{
    public override void Write(byte[]? value, IBufferWriter<byte> target)
    {
        if (value is null) Framed.Write(target, -1);
        else Framed.WriteBytes(target, value);
    }

    public override byte[]? Read(ref ReadOnlySpan<byte> source) =>
        Framed.TryReadBytes(ref source, out var bytes) ? bytes.ToArray() : null;
}

internal sealed class JsonWire<T>(JsonTypeInfo<T> type) : Wire<T>
{
    public override bool MayShare { get; } = JsonWire.MayShare(type, []);

    public override void Write(T value, IBufferWriter<byte> target) =>
        Framed.WriteBytes(target, JsonSerializer.SerializeToUtf8Bytes(value, type));

    public override T Read(ref ReadOnlySpan<byte> source)
    {
        Framed.TryReadBytes(ref source, out var bytes);
        return JsonSerializer.Deserialize(bytes, type)!;
    }
}

internal static class JsonWire
{
    private static readonly Type[] Plain =
    [
        typeof(byte[]), typeof(Guid), typeof(Uri), typeof(Version), typeof(TimeSpan), typeof(DateTimeOffset), typeof(DateOnly),
        typeof(TimeOnly), typeof(JsonElement), typeof(JsonDocument), typeof(Int128), typeof(UInt128), typeof(Half),
    ];

    /// <summary>
    /// Whether something shared can be among what is written as this type. Of what somebody else's converter writes, nothing is known.
    /// </summary>
    public static bool MayShare(JsonTypeInfo type, HashSet<Type> seen)
    {
        if (!seen.Add(type.Type)) return false;
        return type.Kind switch
        {
            JsonTypeInfoKind.Object => type.PolymorphismOptions is not null
                || type.Properties.Any(property => property.CustomConverter is not null || OfMember(property.PropertyType)),
            JsonTypeInfoKind.Enumerable => type.ElementType is null || OfMember(type.ElementType),
            JsonTypeInfoKind.Dictionary => type.ElementType is null || OfMember(type.ElementType),
            _ => !IsPlain(Nullable.GetUnderlyingType(type.Type) ?? type.Type),
        };

        bool OfMember(Type member) => !type.Options.TryGetTypeInfo(member, out var info) || MayShare(info, seen);
    }

    private static bool IsPlain(Type type) => type.IsEnum || Type.GetTypeCode(type) != TypeCode.Object || Plain.Contains(type);
}

/// <summary>Two arguments of one call, one behind the other.</summary>
internal sealed class PairWire<T1, T2>(Wire<T1> first, Wire<T2> second) : Wire<(T1, T2)>
{
    public override bool MayShare => first.MayShare || second.MayShare;

    public override void Write((T1, T2) value, IBufferWriter<byte> target)
    {
        first.Write(value.Item1, target);
        second.Write(value.Item2, target);
    }

    public override (T1, T2) Read(ref ReadOnlySpan<byte> source) => (first.Read(ref source), second.Read(ref source));
}

/// <summary>Three arguments of one call, one behind the other.</summary>
internal sealed class TripleWire<T1, T2, T3>(Wire<T1> first, Wire<T2> second, Wire<T3> third) : Wire<(T1, T2, T3)>
{
    public override bool MayShare => first.MayShare || second.MayShare || third.MayShare;

    public override void Write((T1, T2, T3) value, IBufferWriter<byte> target)
    {
        first.Write(value.Item1, target);
        second.Write(value.Item2, target);
        third.Write(value.Item3, target);
    }

    public override (T1, T2, T3) Read(ref ReadOnlySpan<byte> source) =>
        (first.Read(ref source), second.Read(ref source), third.Read(ref source));
}

/// <summary>In the place of no argument, and of no result.</summary>
internal readonly record struct Nothing;
